"""The files of two machines' folders in one: parts that have a number in common."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import anyio
import pytest

from stormproof.domain.episodes import Episode
from stormproof.errors import StoreCorrupt
from stormproof.store import (
    Header,
    StorageFormat,
    episode_table,
    open_store,
    query,
    read_episodes,
    repair,
    turn_table,
)
from stormproof.store.part_listing import list_parts
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite="1", seed=0)
EPISODES = [an_episode(a_trial(n), [a_turn(0), a_turn(1)]) for n in range(9)]
AGAIN = an_episode(EPISODES[0].trial, [a_turn(0)], "infrastructure")


async def _write(folder: Path, form: StorageFormat, parts: Sequence[Sequence[Episode]]) -> None:
    for part in parts:
        async with open_store(folder, HEADER, storage_format=form) as store:
            for episode in part:
                await store.episode(episode)


def write(folder: Path, form: StorageFormat, *parts: Sequence[Episode]) -> Path:
    """A part in `folder` for each of the given."""
    anyio.run(_write, folder, form, parts)
    return folder


def put_together(one: Path, other: Path) -> Path:
    """As `cp -n` puts them, or a shared drive."""
    for kind in ("episodes", "turns"):
        shutil.copytree(other / kind, one / kind, dirs_exist_ok=True)
    return one


def finished(folder: Path) -> tuple[set[str], tuple[str, ...]]:
    async def look() -> tuple[set[str], tuple[str, ...]]:
        async with open_store(folder, HEADER) as store:
            return store.take_finished(), store.notices

    return anyio.run(look)


@pytest.fixture(params=[("parquet", "parquet"), ("json", "json"), ("parquet", "json")])
def together(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Parts 1, 2 and 3 of one machine, parts 1 and 2 of another; the third stands on the first."""
    one = write(
        tmp_path / "one", request.param[0], [AGAIN, EPISODES[1]], EPISODES[2:4], EPISODES[:1]
    )
    return put_together(one, write(tmp_path / "b", request.param[1], EPISODES[4:7], EPISODES[7:]))


def all_there(folder: Path) -> bool:
    trials = [episode.trial.trial_id for episode in EPISODES]
    found = {episode.trial.trial_id: episode for episode in read_episodes(folder)}
    assert [found[trial] for trial in trials] == EPISODES
    assert sorted(map(str, episode_table(folder)["trial_id"].to_pylist())) == sorted(trials)
    assert turn_table(folder).num_rows == 2 * len(trials)
    assert query(folder, "select count(*) as n from turns").to_pylist() == [{"n": 18}]
    return finished(folder)[0] == set(trials)


def test_parts_of_one_number_are_all_read_and_told(together: Path) -> None:
    assert all_there(together)
    assert [line for line in finished(together)[1] if "have the number" in line] == [
        f"several parts have the number {n}; all are read, and repair renumbers them"
        for n in (1, 2)
    ]


def test_repair_gives_each_a_number_of_its_own(together: Path) -> None:
    async def begin_one_more() -> None:
        async with open_store(together, HEADER) as store:
            await store.turn(a_trial(10).trial_id, a_turn(0))

    anyio.run(begin_one_more)
    (said,) = repair(together)
    assert said == "several parts had a number in common (1, 2): renumbered"
    assert repair(together) == ()
    assert [part.number for part in list_parts(together)] == [1, 2, 3, 4, 5]
    assert all_there(together)
    assert finished(together)[1] == ()

    async def turns_of_that_one() -> int:
        async with open_store(together, HEADER) as store:
            return len(store.journalled(a_trial(10).trial_id))

    assert anyio.run(turns_of_that_one) == 1


@pytest.mark.parametrize("form", get_args(StorageFormat))
def test_parts_of_one_number_that_contradict_each_other(
    tmp_path: Path, form: StorageFormat
) -> None:
    other = an_episode(EPISODES[1].trial, [a_turn(0)])
    one = write(tmp_path / "one", form, EPISODES[:2])
    together = put_together(one, write(tmp_path / "b", form, [other, EPISODES[2]]))
    for look in (finished, repair, lambda folder: [*read_episodes(folder)]):
        with pytest.raises(StoreCorrupt, match=f"trial {other.trial.trial_id} is another in each"):
            look(together)


def test_the_same_trial_in_both_is_one_record(tmp_path: Path) -> None:
    one = write(tmp_path / "one", "json", EPISODES[:2])
    together = put_together(one, write(tmp_path / "b", "json", EPISODES[1:]))
    assert all_there(together)


@pytest.mark.parametrize("kind", ["episodes", "turns"])
def test_of_two_parts_of_one_number_one_is_damaged(tmp_path: Path, kind: str) -> None:
    one = write(tmp_path / "one", "json", EPISODES[:6])
    before = {*(one / kind).iterdir()}
    together = put_together(one, write(tmp_path / "b", "json", EPISODES[6:]))
    (path,) = {*(together / kind).iterdir()} - before
    path.write_bytes(path.read_bytes().replace(b"turn", b"torn", 1))
    with pytest.raises(StoreCorrupt, match="damaged"):
        finished(together)
    assert any("3 were not" in line for line in repair(together))
    assert len(finished(together)[0]) == 6
