from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from stormproof.audit import audit, audit_folder
from stormproof.domain.episodes import Episode
from stormproof.domain.reasons import UNKNOWN, Reason
from stormproof.errors import ConfigError
from stormproof.store import Header, open_store

Make = Callable[..., Episode]


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

    async def fill() -> None:
        async with open_store(tmp_path / "r", Header(suite="s", seed=0)) as store:
            for made in episodes:
                await store.episode(made)

    anyio.run(fill)
    found = audit_folder(tmp_path / "r")
    assert found.models[0].verdict == "distorted by infrastructure"
    assert found.models[0].calls_seen == 30
    assert found.reasons == {"m": (Reason(errors[0], 3), Reason(UNKNOWN, 1))}
