from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from stormproof.audit import audit, audit_folder, audit_table
from stormproof.domain.episodes import Episode
from stormproof.errors import ConfigError
from stormproof.store import Header, episode_table, open_store

Make = Callable[..., Episode]


def test_cells_come_on_request(make_episode: Make) -> None:
    said = make_episode("<tool_call>network_fetcher</tool_call>", executed=True)
    trial = audit([said], ["prompt-type"])
    assert [cell.name for cell in trial.cells] == [{"model": "m", "prompt_type": "optimal"}]
    with pytest.raises(ConfigError, match="weather"):
        audit([], ["weather"])


def test_our_own_table_is_audited_as_its_turns_are(make_episode: Make, tmp_path: Path) -> None:
    """The quick way, without the turns, and the thorough one agree."""
    call = "<tool_call>network_fetcher</tool_call>"
    gone: dict[str, Any] = {"outcome": "infrastructure", "ending": "infrastructure", "score": None}
    episodes = [
        replace(made, trial=replace(made.trial, trial_id=f"{i:032x}", task_id=f"t{i}"))
        for i, made in enumerate(
            [make_episode(call, executed=True) for _ in range(30)]
            + [make_episode(**gone) for _ in range(4)]
        )
    ]

    async def fill() -> None:
        async with open_store(tmp_path / "r", Header(suite="s", seed=0)) as store:
            for made in episodes:
                await store.episode(made)

    anyio.run(fill)
    quick = audit_table(tmp_path / "r", episode_table(tmp_path / "r"))
    assert quick == audit_folder(tmp_path / "r")
    assert quick.models[0].verdict == "distorted by infrastructure"
    assert quick.models[0].calls_seen == 30
