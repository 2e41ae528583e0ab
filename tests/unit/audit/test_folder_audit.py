from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from stormproof.audit import audit, audit_folder
from stormproof.domain.calls import Reply
from stormproof.domain.episodes import Episode
from stormproof.domain.reasons import UNKNOWN, Reason
from stormproof.domain.tasks import Execution
from stormproof.errors import ConfigError
from stormproof.report.audit_tables import audit_tables
from stormproof.store import Header, append_run, open_store

Make = Callable[..., Episode]


def stored(folder: Path, episodes: Sequence[Episode]) -> None:
    async def fill() -> None:
        async with open_store(folder, Header(suite="s", seed=0)) as store:
            for made in episodes:
                await store.episode(made)

    anyio.run(fill)


def test_cells_come_on_request(make_episode: Make) -> None:
    said = make_episode("<tool_call>network_fetcher</tool_call>", executed=True)
    trial = audit([said], ["prompt-type"])
    assert [cell.name for cell in trial.cells] == [{"model": "m", "prompt_type": "optimal"}]
    with pytest.raises(ConfigError, match="weather"):
        audit([], ["weather"])


def test_reasons_of_infrastructure_are_grouped_and_counted(
    make_episode: Make, tmp_path: Path
) -> None:
    call = "<tool_call>network_fetcher</tool_call>"
    gone: dict[str, Any] = {"outcome": "infrastructure", "ending": "infrastructure", "score": None}
    errors = [f"HTTP 500 after {n}.5 s (request req-0123456789ab{n})" for n in range(3)] + [""]
    episodes = [
        replace(made, trial=replace(made.trial, trial_id=f"{i:032x}", task_id=f"t{i}"))
        for i, made in enumerate(
            [make_episode(call, executed=True) for _ in range(30)]
            + [make_episode(**gone, error=error) for error in errors]
        )
    ]

    stored(tmp_path / "r", episodes)
    found = audit_folder(tmp_path / "r")
    assert found.models[0].verdict == "distorted by infrastructure"
    assert found.models[0].calls_seen == 30
    assert found.reasons == {"m": (Reason(errors[0], 3), Reason(UNKNOWN, 1))}


def test_another_suite_s_tools_are_those_of_its_records(make_episode: Make, tmp_path: Path) -> None:
    call = "<tool_call>ledger_of_elsewhere</tool_call>"
    ran = make_episode(call, executed=True)
    turn = replace(ran.turns[0], executions=(Execution("ledger_of_elsewhere", {}, ok=True),))
    lost = make_episode(call)
    lost = replace(lost, trial=replace(lost.trial, trial_id="2" * 32))
    stored(tmp_path / "r", [replace(ran, turns=(turn,)), lost])
    assert audit_folder(tmp_path / "r").models[0].shares["not_executed"].count == 1


def test_the_limit_that_cut_replies_stands_beside_their_count(
    make_episode: Make, tmp_path: Path
) -> None:
    made = make_episode("I will now")
    answer = replace(made.turns[0].answer, reply=Reply("I will now", finish_reason="length"))
    stored(tmp_path / "r", [replace(made, turns=(replace(made.turns[0], answer=answer),))])
    asked = [{"model": "m", "parameters": {"max_tokens": 64}}, {"model": "n", "parameters": {}}]
    append_run(tmp_path / "r", {"endpoints": asked})
    found = audit_folder(tmp_path / "r")
    (row,) = (row for row in audit_tables(found, recorded=False)[1].rows if "`length`" in str(row))
    assert row[1] == "a reply ended by `length` (64 tokens)"
    assert found.reply_limits == {"m": "64"}
