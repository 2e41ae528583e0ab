"""`stormproof merge`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import msgspec
import pytest

from stormproof.cli import main
from stormproof.domain.episodes import Episode
from stormproof.store import Header, open_store
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)


def fill(folder: Path, *episodes: Episode) -> str:
    async def write() -> None:
        async with open_store(folder, HEADER) as store:
            for episode in episodes:
                await store.episode(episode)

    anyio.run(write)
    return str(folder)


def test_what_came_of_it_is_said_with_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = fill(tmp_path / "a", an_episode(a_trial(1), [a_turn()]))
    b = fill(tmp_path / "b", an_episode(a_trial(2), [a_turn()], "infrastructure"))
    target = str(tmp_path / "all")
    assert main(["merge", a, b, "--results", target]) == 0
    said = capsys.readouterr().err
    assert f"2 trials in {target}: 1 completed, 1 infrastructure, 0 under way" in said
    assert f"hint: stormproof status {target}" in said


def test_a_contradiction_has_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = an_episode(a_trial(1), [a_turn()])
    assert one.score is not None
    other = msgspec.structs.replace(one.score, success="failed", goal_met=False)
    a = fill(tmp_path / "a", one)
    b = fill(tmp_path / "b", msgspec.structs.replace(one, score=other, ended_at=9.0))
    words = ["merge", a, b, "--results", str(tmp_path / "all"), "--json"]
    assert main(words) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["contradictions"] == [
        {"trial_id": a_trial(1).trial_id, "kept": a, "other": b}
    ]
    assert "is scored differently" in said.err


def test_nothing_to_merge_and_no_such_folder_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["merge", "--results", str(tmp_path / "all")]) == 2
    assert main(["merge", str(tmp_path / "none"), "--results", str(tmp_path / "all")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
