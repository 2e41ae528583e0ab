"""Files of two machines' folders put into one: all that stands in them counts, or is named."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.episodes import FINAL, Episode, Turn
from stormproof.errors import StoreError
from stormproof.store import Header, open_store, read_episodes, repair
from stormproof.testing.records import a_trial, a_turn, an_episode

FUZZ = int(os.environ.get("FUZZ", "1"))  # times as many inputs as usual; torture has 40
HEADER = Header(suite="1", seed=0)
Files = dict[str, bytes]  # by path below the folder


def episodes_of(machine: str, numbers: range) -> list[Episode]:
    """One to three turns each."""
    turns = [a_turn(index, text=f"{machine} {index}") for index in range(3)]
    return [an_episode(a_trial(n), turns[: 1 + n % 3]) for n in numbers]


def states(episodes: list[Episode]) -> list[Files]:
    """The files of a folder as they are before each fsync of two runs with seals on the way.

    Of every third trial the first run leaves the turns alone, or an end that is run again.
    """
    seen: list[Files] = []
    fsync = os.fsync

    async def run(folder: Path, *, again: bool) -> None:
        async with open_store(
            folder, HEADER, storage_format="json", seal_at=2, in_batches=True
        ) as store:
            done = store.take_finished()
            for number, episode in enumerate(episodes):
                trial_id = episode.trial.trial_id
                if trial_id in done:
                    continue
                for turn in episode.turns[len(store.journalled(trial_id)) :]:
                    await store.turn(trial_id, turn)
                if again or number % 3:
                    await store.episode(episode)
                elif number % 2:
                    await store.episode(an_episode(episode.trial, episode.turns, "infrastructure"))

    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place) / "r"

        def look(fd: int) -> None:
            seen.append(files_of(folder))
            fsync(fd)

        patch.setattr(os, "fsync", look)
        for again in (False, True):
            anyio.run(partial(run, folder, again=again))
        seen.append(files_of(folder))
    return [files for files in seen if "header.json" in files]


@contextmanager
def written(files: Files) -> Iterator[Path]:
    """A folder of these files."""
    with tempfile.TemporaryDirectory() as place:
        for name, data in files.items():
            path = Path(place) / "r" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        yield Path(place) / "r"


def files_of(folder: Path) -> Files:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


OF_A, OF_B = episodes_of("a", range(6)), episodes_of("b", range(6, 12))
OVERLAPPING_A = episodes_of("b", range(4, 10))
APART = [states(OF_A), states(OF_B)]
OVERLAPPING = [APART[0], states(OVERLAPPING_A)]


class Mixed(NamedTuple):
    """The files of both; `halves` are those whose machine has no other half of the part.

    Turns that a seal cut short left so stand in a journal too, unless the other machine's of that
    name took its place.
    """

    files: Files
    halves: set[str]


def put_together(draw: st.DataObject, machines: list[list[Files]]) -> Mixed:
    """Any state of each, without any of its files; where both have a name, either's."""
    kept, halves = [], set[str]()
    for machine in machines:
        files = machine[draw.draw(st.integers(0, len(machine) - 1))]
        left_out = draw.draw(st.sets(st.sampled_from(sorted(files)), max_size=2))
        kept.append({name: data for name, data in files.items() if name not in left_out})
        halves |= halves_in(kept[-1])
    one, other = kept
    files = one | other if draw.draw(st.booleans()) else other | one
    return Mixed(files | {"header.json": machines[0][-1]["header.json"]}, halves)


def halves_in(files: Files) -> set[str]:
    """Files of parts of one machine that lack their other file."""
    parts: dict[str, list[str]] = {}
    for name in files:
        if "/part-" in name and name.endswith(".jsonl"):
            parts.setdefault(name.partition("/")[2][:11], []).append(name)
    return {name for names in parts.values() if len(names) == 1 for name in names}


def records_in(files: Files) -> Iterator[tuple[str, dict[str, object]]]:
    """Every record of a turn or an episode, with its file."""
    for name, data in files.items():
        for line in data.splitlines() if name.endswith(".jsonl") else ():
            record = json.loads(line).get("record", {}) if line else {}
            if record.get("type") in {"turn", "episode"}:
                yield name, record


def finals_in(files: Files) -> set[str]:
    found = [record["episode"] for _, record in records_in(files) if "episode" in record]
    return {e["trial"]["trial_id"] for e in found if e["outcome"] in FINAL}  # type: ignore[index]


def turns_in(files: Files) -> dict[str, int]:
    """By trial: how many of its turns some file has."""
    counts: dict[str, int] = {}
    for name, record in records_in(files):
        if "turn" in record and name.startswith(("journal", "turns")):
            trial_id, index = str(record["trial_id"]), int(record["turn"]["index"])  # type: ignore[index]
            counts[trial_id] = max(counts.get(trial_id, 0), index + 1)
    return counts


def opened(folder: Path, trials: set[str]) -> tuple[set[str], dict[str, tuple[Turn, ...]]]:
    """What a run would take for finished, and what of the others it would not pay for again."""

    async def look() -> tuple[set[str], dict[str, tuple[Turn, ...]]]:
        async with open_store(folder, HEADER, storage_format="json", in_batches=True) as store:
            done = store.take_finished()
            return done, {trial: store.journalled(trial) for trial in trials - done}

    return anyio.run(look)


def checked(folder: Path, files: Files, known: list[Episode]) -> None:
    """Readers and a run both find what the files hold, once, and go on finding it."""
    finals, turns = finals_in(files), turns_in(files)
    for _ in range(2):
        found = [e for e in read_episodes(folder) if e.outcome in FINAL]
        assert len(found) == len({e.trial.trial_id for e in found})
        assert {e.trial.trial_id for e in found} == finals
        assert all(episode in known for episode in found)
        done, paid = opened(folder, set(turns))
        assert done == finals
        for trial_id, own in paid.items():
            assert len(own) >= turns[trial_id]
            assert any(own == e.turns[: len(own)] for e in known if e.trial.trial_id == trial_id)
    assert len([*folder.glob("journal-*.jsonl")]) == 1


@settings(max_examples=30 * FUZZ, deadline=None)
@given(st.data())
def test_two_machines_with_trials_of_their_own(draw: st.DataObject) -> None:
    files, halves = put_together(draw, APART)
    with written(files) as folder:
        try:
            checked(folder, files, OF_A + OF_B)
        except StoreError:
            if not halves:
                raise
            repair(folder)
            sound = {name: data for name, data in files.items() if name not in halves}
            checked(folder, sound, OF_A + OF_B)


@settings(max_examples=15 * FUZZ, deadline=None)
@given(st.data())
def test_two_machines_that_ran_some_trials_both(draw: st.DataObject) -> None:
    files, _ = put_together(draw, OVERLAPPING)
    with written(files) as folder:
        try:
            checked(folder, files, OF_A + OVERLAPPING_A)
        except StoreError as error:
            if not re.search(r"(part|journal)-\d{6}", error.message):
                raise
