"""The best that any agent could do against the weather: a Markov decision process, solved exactly.

A finite process, solved by backward induction over the tool calls left.

- State: what is done (`state_space`), the last three outcomes and the failures in a row, and the
  calls left. (How many calls there have been follows from the calls left; whether the window of
  three is full yet follows from that.)
- Actions: any item whose demands are met; and a `FILLER`, a call of a tool that nothing depends on,
  which can only move old failures out of the window or end a row of them.
- Transitions: the weather's formula. `FAILURES_IN_A_ROW` end the episode.
- Reward: 1 when the goal is reached, else 0.

Calling an item again that is done is no action: the filler has at least its chance of success.
Nor is waiting, for a call left over never hurts. The tests compare with a brute force that has
both actions, every order and all flags.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stormproof.suites.weather import WINDOW, probability
from stormproof.suites.workflows.optimum.histories import (
    AFTER_FAILURE,
    AFTER_SUCCESS,
    HISTORIES,
    LAST_CHANCE,
    START,
)
from stormproof.suites.workflows.optimum.state_space import (
    FILLER,
    StateSpace,
    TooManyStates,
    Workflow,
    explored,
    relaxed,
    simplest,
)

NOTHING_HELPS = -2
_BETTER = 1e-12
_Values = NDArray[np.float64]


@functools.lru_cache(maxsize=4096)
def value(workflow: Workflow, rate: float, calls: int) -> float:
    """The chance of the best agent to reach the goal within so many tool calls, in [0, 1].

    Exact where `is_exact`, else an upper bound.
    """
    *_, values = _each_induced(_space(workflow)[0], rate, calls)
    return float(values[0, START])


def is_exact(workflow: Workflow) -> bool:
    """Whether the workflow's states are few enough for its true value."""
    return _space(workflow)[1]


@functools.lru_cache(maxsize=256)
def _space(workflow: Workflow) -> tuple[StateSpace, bool]:
    """The states to solve for, and whether they are those of the workflow as it is."""
    for is_true, form in ((True, workflow), (False, relaxed(workflow))):
        try:
            return explored(form), is_true
        except TooManyStates:
            continue
    return explored(simplest(workflow)), False


class Policy:
    """The best agent's choices, for a workflow whose states are few enough to know them all."""

    def __init__(self, workflow: Workflow, rate: float, calls: int) -> None:
        self._space = explored(workflow)
        self._rate = rate
        self._calls = calls
        self._values = list(_each_induced(self._space, rate, calls))
        self._blocks = {int(state): at for at, state in enumerate(self._space.opened)}

    @property
    def value(self) -> float:
        """The chance to reach the goal from the start."""
        return float(self._values[-1][0, START])

    def actions(self, outcomes: Sequence[tuple[bool, bool]]) -> Iterator[int]:
        """The choice before each of the calls made, and after all of them.

        An outcome is whether the call looked like a success, and whether it did its work. A
        choice is an item's place, FILLER, or NOTHING_HELPS, which is the last.
        """
        state, history = 0, START
        for made in range(self._calls):
            row = self._best(state, history, self._calls - made)
            yield NOTHING_HELPS if row is None else int(self._space.actions[row])
            if row is None or made == len(outcomes):
                return
            seen, worked = outcomes[made]
            state = self._next(row, seen=seen, worked=worked)
            history = AFTER_SUCCESS[history] if seen else AFTER_FAILURE[history]
        yield NOTHING_HELPS

    def _best(self, state: int, history: int, left: int) -> int | None:
        """The row of the best transition; of equally good ones the first."""
        if state not in self._blocks:
            return None
        block, starts = self._blocks[state], self._space.starts
        end = starts[block + 1] if block + 1 < len(starts) else len(self._space.actions)
        rows = slice(int(starts[block]), int(end))
        chances = _chances(self._space, self._rate, is_full=self._calls - left >= WINDOW)
        worth = _worth(self._space, chances, self._values[left - 1])[rows, history]
        best = int(np.argmax(worth > worth.max() - _BETTER))
        return rows.start + best if worth[best] > _BETTER else None

    def _next(self, row: int, *, seen: bool, worked: bool) -> int:
        if worked:
            column = self._space.succeeded if seen else self._space.worked
            return int(column[row])
        return int(self._space.failed[row])


def _each_induced(space: StateSpace, rate: float, calls: int) -> Iterator[_Values]:
    """Values by state and history, with 0, 1, … calls left of so many."""
    values = np.repeat(space.won[:, None], len(HISTORIES), axis=1).astype(float)
    chances = {full: _chances(space, rate, is_full=full) for full in (False, True)}
    yield values
    for left in range(1, calls + 1):
        worth = _worth(space, chances[calls - left >= WINDOW], values)
        values = values.copy()
        if len(space.opened):
            values[space.opened] = np.maximum.reduceat(worth, space.starts, axis=0)
        yield values


class _Chances(Struct, frozen=True, eq=False):
    """Of each transition (row) after each history (column)."""

    succeeds: _Values
    works_unseen: _Values
    fails: _Values


def _chances(space: StateSpace, rate: float, *, is_full: bool) -> _Chances:
    failures = [history.recent_failures * is_full for history in HISTORIES]
    table = np.array(
        [
            [probability(rate, unmet, count, failed_since=since) for count in failures]
            for unmet in range(int(space.unmet.max(initial=0)) + 1)
            for since in (False, True)
        ]
    )
    succeeds = table[space.unmet * 2 + space.since]
    succeeds[space.blocked] = 0.0
    unseen = np.where(space.blocked, 1.0, space.unseen)[:, None]
    return _Chances(succeeds, (1 - succeeds) * unseen, (1 - succeeds) * (1 - unseen))


def _worth(space: StateSpace, chances: _Chances, later: _Values) -> _Values:
    """What each transition is worth after each history, one call before `later`."""
    count = len(later)
    if_seen = later[:, AFTER_SUCCESS]
    if_not = later[:, AFTER_FAILURE]
    if_not[:, LAST_CHANCE] = space.won  # one failure more in this row ends the episode
    outcomes = np.concatenate([if_seen, if_not])
    unseen = np.where(space.quiet, 0, count)
    worth = chances.succeeds * outcomes[space.succeeded]
    worth += chances.fails * outcomes[space.failed + unseen]
    if space.unseen.any() or space.blocked.any():
        worth += chances.works_unseen * outcomes[space.worked + unseen]
    return worth
