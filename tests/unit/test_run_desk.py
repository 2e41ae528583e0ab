"""The desk of a run: each trial once, and nothing counted that the store has not kept."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest

from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import Trial
from stormproof.errors import StoreError
from stormproof.plan import RunOptions, make_plan
from stormproof.progress import Counts
from stormproof.run_desk import RunDesk
from stormproof.testing import MemoryStore
from stormproof.testing.records import a_turn, an_endpoint, an_episode

PLAN = make_plan(
    RunOptions(prompt_types=("optimal",), task_types=("simple_task",), num_instances=2),
    [an_endpoint("here")],
)


class FullStore(MemoryStore):
    """Keeps nothing."""

    async def turn(self, trial_id: str, turn: Turn) -> None:
        raise StoreError(f"no room for turn {turn.index} of {trial_id}")

    async def episode(self, episode: Episode) -> None:
        raise StoreError(f"no room for {episode.trial.trial_id}")


class SlowStore(MemoryStore):
    """Keeps at once, and says so late."""

    async def turn(self, trial_id: str, turn: Turn) -> None:
        await super().turn(trial_id, turn)
        await anyio.sleep(0.05)

    async def episode(self, episode: Episode) -> None:
        await super().episode(episode)
        await anyio.sleep(0.05)


def desk_over(store: MemoryStore) -> tuple[RunDesk, Counts]:
    cells = ((c.model, c.condition, c.planned, c.done, c.blocked) for c in PLAN.cells)
    counts = Counts(cells, simulated=True)
    return RunDesk(PLAN, store, counts), counts


def test_each_trial_is_given_once_and_is_under_way_until_it_has_left() -> None:
    desk, counts = desk_over(MemoryStore())
    taken = [desk.take("here", None) for _ in range(3)]
    assert [trial is None for trial in taken] == [False, False, True]
    assert taken[0] != taken[1]
    assert (counts.under_way, desk.remaining("here")) == (2, 0)
    assert taken[0] is not None
    desk.left(taken[0])
    assert counts.under_way == 1


def test_what_is_kept_is_counted() -> None:
    store = MemoryStore()
    desk, counts = desk_over(store)
    trial = desk.take("here", None)
    assert trial is not None
    anyio.run(desk.turn, trial, a_turn())
    anyio.run(desk.episode, an_episode(trial, [a_turn()]))
    assert (counts.calls, counts.tokens, counts.scored) == (1, 110, 1)
    assert [e.trial.trial_id for e in store.episodes()] == [trial.trial_id]


@pytest.mark.parametrize(
    "keep",
    [
        lambda desk, trial: desk.turn(trial, a_turn()),
        lambda desk, trial: desk.episode(an_episode(trial, [a_turn()])),
    ],
    ids=["turn", "episode"],
)
def test_what_could_not_be_kept_is_not_counted(
    keep: Callable[[RunDesk, Trial], Coroutine[Any, Any, None]],
) -> None:
    desk, counts = desk_over(FullStore())
    trial = desk.take("here", None)
    assert trial is not None
    with pytest.raises(StoreError, match="no room"):
        anyio.run(keep, desk, trial)
    assert (counts.calls, counts.tokens, counts.scored, counts.under_way) == (0, 0, 0, 1)


def test_what_was_kept_is_counted_though_the_run_was_cancelled_meanwhile() -> None:
    store = SlowStore()
    desk, counts = desk_over(store)
    trial = desk.take("here", None)
    assert trial is not None

    async def cancelled(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        with anyio.move_on_after(0.01):
            await work()

    anyio.run(cancelled, partial(desk.turn, trial, a_turn()))
    anyio.run(cancelled, partial(desk.episode, an_episode(trial, [a_turn()])))
    assert len(store.episodes()) == 1
    assert (counts.calls, counts.scored) == (1, 1)
