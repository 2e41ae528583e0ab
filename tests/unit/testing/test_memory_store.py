"""What a run is promised by its store: the folder on disk and the one in memory, side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from stormproof.domain.episodes import Episode, Turn
from stormproof.errors import StoreError
from stormproof.run_desk import RunStore
from stormproof.store import Header, open_store, read_episodes
from stormproof.testing import MemoryStore
from stormproof.testing.records import a_trial, a_turn, an_episode

Opened = Callable[[], AbstractAsyncContextManager[RunStore]]
TRIAL = a_trial()
ID = TRIAL.trial_id


class Kind:
    """One kind of store: opened any number of times, and read."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.memory = MemoryStore()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[RunStore]:
        if self.folder is None:
            yield self.memory
        else:
            async with open_store(self.folder, Header(suite="1", seed=0)) as store:
                yield store

    def episodes(self) -> list[Episode]:
        return self.memory.episodes() if self.folder is None else [*read_episodes(self.folder)]

    def do(self, work: Callable[[RunStore], Awaitable[None]]) -> None:
        async def main() -> None:
            async with self.opened() as store:
                await work(store)

        anyio.run(main)

    def found(self) -> tuple[set[str], tuple[Turn, ...]]:
        """What a run that opens it finds: finished trials, and the trial's turns."""
        got: list[tuple[set[str], tuple[Turn, ...]]] = []

        async def look(store: RunStore) -> None:
            finished = store.take_finished()
            got.append((finished, () if ID in finished else store.journalled(ID)))

        self.do(look)
        return got[0]


@pytest.fixture(params=["disk", "memory"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    return Kind(tmp_path / "r" if request.param == "disk" else None)


def test_turns_of_an_unfinished_trial_are_there_for_the_next_run(kind: Kind) -> None:
    async def work(store: RunStore) -> None:
        assert store.journalled(ID) == ()
        for index in range(3):
            await store.turn(ID, a_turn(index))

    kind.do(work)
    assert kind.found() == (set(), tuple(map(a_turn, range(3))))
    assert kind.episodes() == []


def test_a_turn_takes_the_place_of_the_one_that_had_its_number(kind: Kind) -> None:
    other = a_turn(1, query="read anew")

    async def work(store: RunStore) -> None:
        for index in range(3):
            await store.turn(ID, a_turn(index))
        await store.turn(ID, other)

    kind.do(work)
    assert kind.found() == (set(), (a_turn(0), other, a_turn(2)))


def test_what_came_of_another_answer_goes_with_it(kind: Kind) -> None:
    other = a_turn(1, text="of another conversation")

    async def work(store: RunStore) -> None:
        for index in range(3):
            await store.turn(ID, a_turn(index))
        await store.turn(ID, other)

    kind.do(work)
    assert kind.found() == (set(), (a_turn(0), other))


def test_an_episode_brings_the_turns_that_are_missing(kind: Kind) -> None:
    episode = an_episode(TRIAL, [a_turn(index) for index in range(3)])

    async def work(store: RunStore) -> None:
        await store.turn(ID, a_turn(0))
        await store.episode(episode)
        await store.seal()

    kind.do(work)
    assert kind.episodes() == [episode]
    assert kind.found() == ({ID}, ())


def test_a_trial_without_a_score_is_run_again_from_its_turns(kind: Kind) -> None:
    lost = an_episode(TRIAL, [a_turn(0)], "infrastructure")
    scored = an_episode(TRIAL, [a_turn(0), a_turn(1)])

    async def first(store: RunStore) -> None:
        await store.turn(ID, a_turn(0))
        await store.episode(lost)

    async def second(store: RunStore) -> None:
        await store.turn(ID, a_turn(1))
        await store.episode(scored)

    kind.do(first)
    assert kind.episodes() == [lost]
    assert kind.found() == (set(), (a_turn(0),))
    kind.do(second)
    assert kind.episodes() == [scored]


def test_one_episode_for_each_trial(kind: Kind) -> None:
    trials = [a_trial(number) for number in range(4)]

    async def work(store: RunStore) -> None:
        async with anyio.create_task_group() as tasks:
            for trial in trials:
                tasks.start_soon(store.episode, an_episode(trial, [a_turn(0)]))
        await store.episode(an_episode(trials[0], [a_turn(0)]))

    kind.do(work)
    assert {e.trial.trial_id for e in kind.episodes()} == {t.trial_id for t in trials}
    assert len(kind.episodes()) == 4


def test_a_turn_without_the_one_before_it_is_refused() -> None:
    with pytest.raises(StoreError, match="missing"):
        anyio.run(MemoryStore().turn, ID, a_turn(1))


def test_what_is_given_back_is_not_what_is_kept() -> None:
    store = MemoryStore()
    anyio.run(store.episode, an_episode(TRIAL, [a_turn(0)]))
    store.episodes().clear()
    store.append_sample({"id": "e"})
    assert store.episodes() == [replace(an_episode(TRIAL), turns=(a_turn(0),))]
    assert store.samples == [{"id": "e"}]
