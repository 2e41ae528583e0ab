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
import itertools
from collections.abc import Iterator

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
from stormproof.suites.workflows.optimum.items import Workflow
from stormproof.suites.workflows.optimum.state_space import (
    MOST_STATES,
    Indices,
    StateSpace,
    TooManyStates,
    eased,
    explored,
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
    form = workflow
    while True:
        try:
            return explored(form, MOST_STATES), form == workflow
        except TooManyStates:
            form = eased(form)


class Position(Struct, frozen=True):
    """Where an agent that follows a Policy stands: what is done, what is remembered, calls made."""

    state: int = 0
    history: int = START
    made: int = 0


class Policy:
    """The best agent's choices, for a workflow whose states are few enough to know them all.

    Raises TooManyStates for one that has more.
    """

    def __init__(self, workflow: Workflow, rate: float, calls: int) -> None:
        self._space = space = explored(workflow)
        self._calls = calls
        self._values = list(_each_induced(space, rate, calls))
        every = np.arange(len(space.actions))
        self._chances = [_chances(space, every, rate, is_full=full) for full in (False, True)]
        ends = [*space.starts[1:], len(space.actions)]
        # State → its transitions; a state that has none is the goal.
        self._rows = {
            int(state): range(int(first), int(end))
            for state, first, end in zip(space.opened, space.starts, ends, strict=True)
        }
        self._best: dict[Position, int | None] = {}  # as far as it was asked for

    @property
    def value(self) -> float:
        """The chance to reach the goal from the start."""
        return float(self._values[-1][0, START])

    def action(self, position: Position) -> int:
        """The best choice: an item's place, FILLER, or NOTHING_HELPS."""
        row = self._choice(position)
        return NOTHING_HELPS if row is None else int(self._space.actions[row])

    def after(self, position: Position, *, seen: bool, worked: bool) -> Position:
        """Where the best choice has led: whether it looked like a success, and did its work.

        Raises LookupError where there is no choice.
        """
        row = self._choice(position)
        if row is None:
            raise LookupError("nothing was done here that could lead on")
        space = self._space
        matters = bool(space.unseen[row] or space.blocked[row])  # of other calls only success does
        outcome = space.failed
        if worked and (seen or matters):
            outcome = space.succeeded if seen else space.worked
        moves = AFTER_SUCCESS if seen else AFTER_FAILURE
        return Position(int(outcome[row]), moves[position.history], position.made + 1)

    def _choice(self, position: Position) -> int | None:
        """The row of the best transition; of equally good ones the first."""
        if position not in self._best:
            worth = {row: self._worth(row, position) for row in self._open(position)}
            most = max(worth.values(), default=0.0)
            good = (row for row, value in worth.items() if value > most - _BETTER)
            self._best[position] = next(good, None) if most > _BETTER else None
        return self._best[position]

    def _open(self, position: Position) -> range:
        return self._rows.get(position.state, range(0)) if position.made < self._calls else range(0)

    def _worth(self, row: int, position: Position) -> float:
        space, history = self._space, position.history
        chances = self._chances[position.made >= WINDOW]
        later = self._values[self._calls - position.made - 1]

        def worth(state: int, *, seen: bool) -> float:
            if not seen and history == LAST_CHANCE:
                return float(space.won[state])
            return float(later[state, (AFTER_SUCCESS if seen else AFTER_FAILURE)[history]])

        quiet = bool(space.quiet[row])
        succeeds, works_unseen, fails = chances.of(row, history)
        return (
            succeeds * worth(space.succeeded[row], seen=True)
            + fails * worth(space.failed[row], seen=quiet)
            + works_unseen * worth(space.worked[row], seen=quiet)
        )


def _each_induced(space: StateSpace, rate: float, calls: int) -> Iterator[_Values]:
    """Values by state and history, with 0, 1, … calls left of so many."""
    values = np.repeat(space.won[:, None], len(HISTORIES), axis=1).astype(float)
    yield values
    if not len(space.opened):
        yield from itertools.repeat(values, calls)
        return
    step = _StepBack(space, rate)
    for left in range(1, calls + 1):
        values = step(values, is_full=calls - left >= WINDOW)
        yield values


class _StepBack:
    """Values one call earlier, for all states and histories at once.

    Transitions are looked at in the order of their rank among those of their state, states with
    most of them first: so the best of each state is found by comparing blocks of them. All that
    is worked out on the way is written over and over: for large arrays, to allocate them would
    take longer than to fill them.
    """

    def __init__(self, space: StateSpace, rate: float) -> None:
        counts = np.diff(space.starts, append=len(space.actions))
        by_count = np.argsort(-counts, kind="stable")
        ranks = [by_count[: int((counts > rank).sum())] for rank in range(int(counts.max()))]
        rows = np.concatenate([space.starts[states] + rank for rank, states in enumerate(ranks)])
        unseen = np.where(space.quiet, 0, len(space.states))
        self._won = space.won
        self._opened = space.opened[by_count]
        self._lengths = [len(states) for states in ranks]
        self._succeeded = space.succeeded[rows]
        self._failed = (space.failed + unseen)[rows]
        self._worked = (space.worked + unseen)[rows]
        self._chances = [_chances(space, rows, rate, is_full=full) for full in (False, True)]

        # Each is written before it is read in every step.
        self._outcomes = np.empty((2 * len(space.states), len(HISTORIES)))  # seen, and not seen
        self._worth = np.empty((len(rows), len(HISTORIES)))
        self._share = np.empty_like(self._worth)

    def __call__(self, later: _Values, *, is_full: bool) -> _Values:
        """The values before a call of which the values after it are known."""
        if_seen, if_not = np.split(self._outcomes, 2)
        later.take(AFTER_SUCCESS, axis=1, out=if_seen, mode="clip")
        later.take(AFTER_FAILURE, axis=1, out=if_not, mode="clip")
        if_not[:, LAST_CHANCE] = self._won  # one failure more in this row ends the episode
        chances = self._chances[is_full]
        self._outcomes.take(self._succeeded, axis=0, out=self._worth, mode="clip")
        self._worth *= chances.succeeds
        self._add(self._failed, chances.fails)
        if chances.works_unseen is not None:
            self._add(self._worked, chances.works_unseen)
        values = later.copy()
        values[self._opened] = self._best()
        return values

    def _add(self, states: Indices, chances: _Values) -> None:
        self._outcomes.take(states, axis=0, out=self._share, mode="clip")
        self._share *= chances
        self._worth += self._share

    def _best(self) -> _Values:
        first, *others = self._lengths
        best, start = self._worth[:first], first
        for length in others:
            np.maximum(best[:length], self._worth[start : start + length], out=best[:length])
            start += length
        return best


class _Chances(Struct, frozen=True, eq=False):
    """Of transitions (rows) after each history (column); a single column is of all histories.

    `works_unseen` is None where none of them ever does.
    """

    succeeds: _Values
    works_unseen: _Values | None
    fails: _Values

    def of(self, row: int, history: int) -> tuple[float, float, float]:
        """One transition's after one history, in that order."""
        at = row, min(history, self.succeeds.shape[1] - 1)
        unseen = 0.0 if self.works_unseen is None else float(self.works_unseen[at])
        return float(self.succeeds[at]), unseen, float(self.fails[at])


def _chances(space: StateSpace, rows: Indices, rate: float, *, is_full: bool) -> _Chances:
    failures = [history.recent_failures for history in HISTORIES] if is_full else [0]
    table = np.array(
        [
            [probability(rate, unmet, count, failed_since=since) for count in failures]
            for unmet in range(int(space.unmet.max(initial=0)) + 1)
            for since in (False, True)
        ]
    )
    succeeds: _Values = table[(space.unmet * 2 + space.since)[rows]]
    blocked = space.blocked[rows]
    succeeds[blocked] = 0.0
    fails = 1 - succeeds
    unseen = np.where(blocked, 1.0, space.unseen[rows])[:, None]
    if not unseen.any():
        return _Chances(succeeds, None, fails)
    return _Chances(succeeds, fails * unseen, fails * (1 - unseen))
