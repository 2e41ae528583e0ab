"""Two machines that left one trial unfinished: whoever goes on goes on with one of them alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from stormproof.domain.episodes import Outcome, Turn
from stormproof.errors import StoreError
from stormproof.store import Header, journal, merge, open_store, read_episodes, repair
from stormproof.testing.records import a_trial, a_turn, an_episode

FUZZ = int(os.environ.get("FUZZ", "1"))  # times as many inputs as usual; torture has 40
HEADER = Header(suite="1", seed=0)
TRIAL = a_trial()


class Work(Struct, frozen=True):
    """What a machine did in one run: turns, perhaps an end, and whether it ended in peace."""

    turns: int
    outcome: Outcome | None
    is_sealed: bool


WORKS = st.lists(
    st.builds(Work, st.integers(0, 3), st.sampled_from([None, "infrastructure"]), st.booleans()),
    min_size=1,
    max_size=2,
)


class KilledError(Exception):
    """A run that did not come to its end."""


def left_by(machine: str, folder: Path, works: Sequence[Work]) -> None:
    """Turns go on from what stands in the folder; their texts say who had them."""

    async def run(work: Work) -> None:
        async with open_store(folder, HEADER, storage_format="json", in_batches=True) as store:
            known = [*store.journalled(TRIAL.trial_id)]
            for index in range(len(known), len(known) + work.turns):
                known.append(a_turn(index, text=f"{machine} {index}"))
                await store.turn(TRIAL.trial_id, known[-1])
            if work.outcome:
                await store.episode(an_episode(TRIAL, known, work.outcome))
            if not work.is_sealed:
                raise KilledError

    for work in works:
        with suppress(KilledError):
            anyio.run(run, work)


@contextmanager
def two_machines(draw: st.DataObject) -> Iterator[tuple[Path, Path]]:
    """Their folders; both may have begun as copies of one."""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _fd: None)
        a, b = Path(place) / "a", Path(place) / "b"
        left_by("both", a, draw.draw(st.just([]) | WORKS))
        if a.exists():
            shutil.copytree(a, b)
        for folder in (a, b):
            left_by(folder.name, folder, draw.draw(WORKS))
        yield a, b


def journalled(folder: Path) -> tuple[Turn, ...]:
    """What a run would go on from."""

    async def look() -> tuple[Turn, ...]:
        async with open_store(folder, HEADER, storage_format="json", in_batches=True) as store:
            return store.journalled(TRIAL.trial_id)

    return anyio.run(look)


def mended(folder: Path) -> tuple[Turn, ...]:
    """The same, behind `repair` where the folder asks for it."""
    try:
        return journalled(folder)
    except StoreError as error:
        if "stormproof repair" not in error.hint:
            raise
        repair(folder)
        return journalled(folder)


def is_one_machines(turns: Sequence[Turn], *machines: tuple[Turn, ...]) -> bool:
    return any(tuple(turns) == own[: len(turns)] for own in machines)


def finished(folder: Path, turns: Sequence[Turn]) -> None:
    """A run goes on to the end; what is stored then is what it went on from, and its last turn."""
    whole = [*turns, a_turn(len(turns), text="last")]

    async def run() -> None:
        async with open_store(folder, HEADER, storage_format="json", in_batches=True) as store:
            await store.turn(TRIAL.trial_id, whole[-1])
            await store.episode(an_episode(TRIAL, whole))

    anyio.run(run)
    assert list(read_episodes(folder)) == [an_episode(TRIAL, whole)]


@settings(max_examples=15 * FUZZ, deadline=None)
@given(st.data())
def test_a_merge_and_whatever_a_crash_leaves_of_it(draw: st.DataObject) -> None:
    with two_machines(draw) as (a, b):
        had = [journalled(shutil.copytree(each, each.with_suffix(".seen"))) for each in (a, b)]
        crashed, step = a.with_suffix(".crashed"), iter(range(draw.draw(st.integers(1, 16)), 0, -1))

        def look(_: int) -> None:
            if next(step, 0) == 1:
                shutil.copytree(a, crashed)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal, "GROUP", 1)  # an end behind each line
            patch.setattr(os, "fsync", look)
            merge([a, b], a, storage_format="json")
        assert len(journalled(a)) == max(map(len, had))
        if crashed.exists():
            assert is_one_machines(mended(crashed), *had)
            merge([crashed, b], crashed, storage_format="json")
        for folder in (a, crashed) if crashed.exists() else (a,):
            turns = journalled(folder)
            assert is_one_machines(turns, *had)
            finished(folder, turns)


@settings(max_examples=15 * FUZZ, deadline=None)
@given(st.data())
def test_journals_of_both_in_one_folder(draw: st.DataObject) -> None:
    with two_machines(draw) as (a, b):
        had = [journalled(shutil.copytree(each, each.with_suffix(".seen"))) for each in (a, b)]
        last = max(int(path.name[8:14]) for each in (a, b) for path in each.glob("journal-*"))
        for number, path in enumerate(sorted(b.glob("journal-*")), start=last + 1):
            shutil.copy(path, a / f"journal-{number:06d}.jsonl")
        turns = mended(a)
        assert is_one_machines(turns, *had)
        finished(a, turns)
