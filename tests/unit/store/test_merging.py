"""Several folders into one. What each holds is written by a real store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from stormproof.domain.episodes import Episode, Score
from stormproof.errors import PlanMismatch, StoreLocked
from stormproof.store import (
    Header,
    StorageFormat,
    append_run,
    merge,
    open_store,
    read_episodes,
    read_runs,
)
from stormproof.store.reading import snapshot
from stormproof.testing.records import a_trial, a_turn, an_episode

pytestmark = pytest.mark.anyio
HEADER = Header(suite="1", seed=0)
FAILED = Score("failed", goal_met=False, tool_coverage=0.5, order=0.5, execution_success=None,
               recovery=None, redundant_calls=0)  # fmt: skip


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def ended(
    number: int, *, turns: int = 2, at: float = 0.0, outcome: str = "completed", said: str = ""
) -> Episode:
    made = [a_turn(index, text=said) for index in range(turns)]
    episode = an_episode(a_trial(number), made, outcome)  # type: ignore[arg-type]  # a parameter
    return msgspec.structs.replace(episode, ended_at=at)


def failed(number: int, *, at: float) -> Episode:
    return msgspec.structs.replace(ended(number, at=at), score=FAILED)


async def fill(
    folder: Path,
    *episodes: Episode,
    open_turns: dict[int, int] | None = None,
    seal: bool = True,
    form: StorageFormat = "parquet",
) -> Path:
    """A folder with these episodes, and of these trials so many turns."""
    async with open_store(folder, HEADER, storage_format=form) as store:
        for episode in episodes:
            await store.episode(episode)
        if seal:
            await store.seal()
        for number, turns in (open_turns or {}).items():
            for index in range(turns):
                await store.turn(a_trial(number).trial_id, a_turn(index))
        if not seal:
            shutil.copytree(folder, f"{folder}-killed")  # as a kill would leave it
    return folder if seal else Path(f"{folder}-killed")


def numbers(folder: Path) -> dict[str, Episode]:
    names = {a_trial(number).trial_id: str(number) for number in range(100)}
    found = [*read_episodes(folder)]
    assert len({e.trial.trial_id for e in found}) == len(found)
    return {names[e.trial.trial_id]: e for e in found}


async def test_one_record_for_each_trial_and_its_turns_with_it(tmp_path: Path) -> None:
    a = await fill(tmp_path / "a", *(ended(n, turns=1 + n % 3) for n in range(20)))
    b = await fill(tmp_path / "b", *(ended(n, turns=4) for n in range(15, 40)), form="json")
    c = await fill(tmp_path / "c", *(ended(n) for n in range(40, 45)), seal=False)
    merged = merge([a, b, c], tmp_path / "all")
    assert merged.trials == 45
    assert merged.outcomes == {"completed": 45}
    assert merged.contradictions == ()
    held = numbers(tmp_path / "all")
    assert {n: len(e.turns) for n, e in held.items()} == (
        {str(n): 1 + n % 3 for n in range(20)}
        | {str(n): 4 for n in range(20, 40)}
        | {str(n): 2 for n in range(40, 45)}
    )
    originals = {str(n): e for f in (c, b, a) for n, e in numbers(f).items()}
    assert held == originals


async def test_a_trial_scored_differently_twice_is_named_and_the_earlier_kept(
    tmp_path: Path,
) -> None:
    late = await fill(tmp_path / "late", ended(1, at=9.0), ended(2, at=1.0))
    early = await fill(tmp_path / "early", failed(1, at=5.0), ended(2, at=4.0, said="other"))
    merged = merge([late, early], tmp_path / "all")
    held = numbers(tmp_path / "all")
    assert held["1"].score == FAILED
    assert held["2"].ended_at == 1.0
    assert [str(c) for c in merged.contradictions] == [
        f"trial {a_trial(1).trial_id} is scored differently in {early} (kept) and {late}"
    ]


async def test_a_score_stands_before_a_loss_and_the_longer_of_two_losses(tmp_path: Path) -> None:
    lost = {"outcome": "infrastructure"}
    a = await fill(tmp_path / "a", ended(1, turns=5, **lost), ended(2, turns=1, **lost))  # type: ignore[arg-type]
    b = await fill(tmp_path / "b", ended(1, turns=2), ended(2, turns=3, **lost))  # type: ignore[arg-type]
    merge([a, b], tmp_path / "all")
    held = numbers(tmp_path / "all")
    assert (held["1"].outcome, len(held["1"].turns)) == ("completed", 2)
    assert (held["2"].outcome, len(held["2"].turns)) == ("infrastructure", 3)


async def test_a_run_goes_on_from_what_was_under_way(tmp_path: Path) -> None:
    lost = ended(3, turns=1, outcome="infrastructure")
    a = await fill(tmp_path / "a", lost, open_turns={1: 2, 2: 5, 3: 4})
    b = await fill(tmp_path / "b", ended(2), open_turns={1: 3})
    merged = merge([a, b], tmp_path / "all")
    assert (merged.trials, merged.unfinished) == (3, 2)
    async with open_store(tmp_path / "all", HEADER) as store:
        assert store.take_finished() == {a_trial(2).trial_id}
        turns = [len(store.journalled(a_trial(n).trial_id)) for n in (1, 3)]
        assert turns == [3, 4]
        await store.episode(ended(1, turns=3))
    assert set(numbers(tmp_path / "all")) == {"1", "2", "3"}


async def test_the_target_may_be_one_of_the_folders(tmp_path: Path) -> None:
    lost = ended(2, turns=1, outcome="infrastructure")
    a = await fill(tmp_path / "a", ended(1), lost, open_turns={2: 3, 5: 1})
    b = await fill(tmp_path / "b", ended(2), ended(3), ended(5, turns=3))
    merged = merge([a, b], a)
    assert merged.taken == {str(b): 3}
    held = numbers(a)
    assert {n: e.outcome for n, e in held.items()} == dict.fromkeys("1235", "completed")
    with snapshot(a) as view:
        assert [*view.open_turns()] == []


async def test_once_more_changes_nothing(tmp_path: Path) -> None:
    a = await fill(tmp_path / "a", *(ended(n) for n in range(5)), open_turns={7: 2})
    append_run(a, {"options": {"seed": 0}, "at": 1.0})
    merge([a], tmp_path / "all")
    before = {p: p.read_bytes() for p in (tmp_path / "all").rglob("part-*")}
    again = merge([a], tmp_path / "all")
    assert (again.trials, again.unfinished, again.taken) == (6, 1, {str(a): 0})
    assert before == {p: p.read_bytes() for p in (tmp_path / "all").rglob("part-*")}
    assert len([*read_runs(tmp_path / "all")]) == 1


async def test_samples_stay_apart_by_source(tmp_path: Path) -> None:
    folders = [await fill(tmp_path / where / "r", ended(n)) for n, where in enumerate("ab")]
    other = await fill(tmp_path / "c", ended(5))
    for folder in (*folders, other):
        (folder / "pool.jsonl").write_text(json.dumps({"id": "e", "t": 1}) + "\n")
    merge([*folders, other], tmp_path / "all")
    names = {path.stem for path in (tmp_path / "all" / "pool").iterdir()}
    assert names == {"c", *("-".join(folder.resolve().parts[1:]) for folder in folders)}
    assert (tmp_path / "all" / "pool.jsonl").read_text() == ""
    merge([tmp_path / "all"], tmp_path / "more")
    assert {p.stem for p in (tmp_path / "more" / "pool").iterdir()} == {f"all-{n}" for n in names}


async def test_other_seeds_and_simulations_are_refused(tmp_path: Path) -> None:
    a = await fill(tmp_path / "a", ended(1))
    for name, header in (
        ("seed", Header(suite="1", seed=5)),
        ("simulated", Header(suite="1", seed=0, simulated=True)),
    ):
        async with open_store(tmp_path / name, header):
            pass
        with pytest.raises(PlanMismatch, match=f"{name} is .* in .*a and"):
            merge([a, tmp_path / name], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    merge([a], tmp_path / "all")
    with pytest.raises(PlanMismatch):
        merge([tmp_path / "seed"], tmp_path / "all")


async def test_a_target_in_use_is_refused(tmp_path: Path) -> None:
    a = await fill(tmp_path / "a", ended(1))
    async with open_store(tmp_path / "all", HEADER):
        with pytest.raises(StoreLocked):
            merge([a], tmp_path / "all")


KILLED = """
import os, sys
from pathlib import Path
from stormproof.store import merging
left = int(sys.argv[1])
for name in ("write_part", "append_run", "remove_journals", "write_whole"):
    def step(*given, real=getattr(merging, name), **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return real(*given, **named)
    setattr(merging, name, step)
merging.merge([Path("a"), Path("b")], Path("all"))
"""


async def test_killed_anywhere_it_goes_on(tmp_path: Path) -> None:
    a = await fill(tmp_path / "a", *(ended(n) for n in range(6)), open_turns={8: 2})
    b = await fill(tmp_path / "b", *(ended(n) for n in range(4, 8)), open_turns={8: 3})
    for folder in (a, b):
        append_run(folder, {"at": 1.0, "options": {"results": folder.name}})
        (folder / "pool.jsonl").write_text("{}\n")
    kills = 0
    for left in range(0, 20, 2):
        shutil.rmtree(tmp_path / "all", ignore_errors=True)
        words = [sys.executable, "-c", KILLED, str(left)]
        done = subprocess.run(words, cwd=tmp_path, check=False)  # noqa: ASYNC221  nothing else runs
        merged = merge([a, b], tmp_path / "all")
        assert (merged.trials, merged.unfinished) == (9, 1)
        assert set(numbers(tmp_path / "all")) == set(map(str, range(8)))
        assert len([*read_runs(tmp_path / "all")]) == 2
        assert len([*(tmp_path / "all" / "pool").iterdir()]) == 2
        if done.returncode != 9:
            break
        kills += 1
    assert kills >= 3
