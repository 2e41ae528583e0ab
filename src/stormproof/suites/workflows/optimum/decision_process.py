"""The exact solution of a workflow: the best that any agent could do against the weather.

A finite Markov decision process, solved by backward induction over the tool calls left.

- State: which items are done, the last four outcomes, calls left. (How many calls there have been
  follows from the calls left; whether the window of three is full yet follows from that.)
- Actions: any item not done, whose hard dependencies are done; and a `FILLER`, a call of a tool
  that nothing depends on, which can only move old failures out of the window or end a row of them.
- Transitions: the weather's formula. Five failures in a row end the episode. With ambiguous
  weather a failure may also have spoiled the goal (`Item.spoils`), unseen by the agent: that
  branch is worth nothing whatever is done next, so that knowing of it would change no choice.
- Reward: 1 when every required item is done, else 0.

Calling an item again that is done is no action: the filler has at least its chance of success,
and cannot become a dependency that failed since. Nor is waiting, for a call left over never hurts.
So the flags of dependencies that failed since stay down on every best path; the tests compare
with a brute force that has both actions and all flags.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stormproof.suites.weather import WINDOW, probability

FILLER = -1
NOTHING_HELPS = -2
FAILURES_IN_A_ROW = 5
_HISTORIES = 2 ** (FAILURES_IN_A_ROW - 1)
_LAST_CHANCE = _HISTORIES - 1
_BETTER = 1e-12
_Values = NDArray[np.float64]


class Item(Struct, frozen=True):
    """One tool call that is required, or useful to a required one.

    Dependencies are bit masks over the workflow's items: `hard` ones must be done first, `soft`
    ones raise the chance. `never` counts dependencies that cannot be met. `spoils` is the chance
    that a failed call makes full success impossible.
    """

    required: bool
    hard: int = 0
    soft: int = 0
    never: int = 0
    spoils: float = 0.0


class Solution(Struct, frozen=True, eq=False):
    """The value of the start, and the best action in every state.

    `actions[calls left, done, outcomes]` is an item's index, FILLER, or NOTHING_HELPS; `outcomes`
    has a bit for each of the last four calls, the latest lowest, 1 for a failure.
    """

    value: float
    actions: NDArray[np.int8]

    def action(self, calls_left: int, done: int, outcomes: int) -> int:
        """The best action where `done` is the mask of items done."""
        return int(self.actions[calls_left, done, outcomes & _LAST_CHANCE])


@functools.lru_cache(maxsize=512)
def solve(items: tuple[Item, ...], rate: float, calls: int) -> Solution:
    """Solve for items, tool success rate and a budget of tool calls; items in a correct order.

    Of equally good actions the first is taken: required items before the rest, then filler.
    """
    size = 2 ** len(items)
    required = sum(1 << at for at, item in enumerate(items) if item.required)
    won = np.where(np.arange(size) & required == required, 1.0, 0.0)
    values = np.repeat(won[:, None], _HISTORIES, axis=1)
    actions = np.full((calls + 1, size, _HISTORIES), NOTHING_HELPS, np.int8)
    moves = _moves(items, size)
    chances = {full: _chances(rate, moves, full_window=full) for full in (False, True)}
    for left in range(1, calls + 1):
        values, actions[left] = _one_call_more(values, won, moves, chances[calls - left >= WINDOW])
    return Solution(float(values[0, 0]), actions)


class _Move(Struct, frozen=True, eq=False):
    """One action: the states (masks) it can be taken in, where it leads, unmet dependencies."""

    action: int
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    unmet: NDArray[np.intp]
    spoils: float


def _moves(items: tuple[Item, ...], size: int) -> list[_Move]:
    masks = np.arange(size)
    moves = []
    for at in sorted(range(len(items)), key=lambda at: not items[at].required):
        item = items[at]
        before = masks[(masks >> at & 1 == 0) & (masks & item.hard == item.hard)]
        unmet = item.never + _ones(item.soft & ~before, len(items))
        moves.append(_Move(at, before, before | 1 << at, unmet, item.spoils))
    return [*moves, _Move(FILLER, masks, masks, np.zeros(size, np.intp), 0.0)]


def _one_call_more(
    later: _Values, won: _Values, moves: list[_Move], chances: _Values
) -> tuple[_Values, NDArray[np.int8]]:
    """Values and best actions with one more call left than in `later`."""
    outcomes = np.arange(_HISTORIES)
    if_ok = later[:, outcomes << 1 & _LAST_CHANCE]
    if_not = later[:, (outcomes << 1 | 1) & _LAST_CHANCE]
    if_not[:, _LAST_CHANCE] = won  # a fifth failure in a row ends the episode
    best = np.repeat(won[:, None], _HISTORIES, axis=1)
    actions = np.full(later.shape, NOTHING_HELPS, np.int8)
    for move in moves:
        chance = chances[move.unmet]
        failing = (1 - chance) * (1 - move.spoils)
        value = chance * if_ok[move.after] + failing * if_not[move.before]
        better = value > best[move.before] + _BETTER
        best[move.before] = np.where(better, value, best[move.before])
        actions[move.before] = np.where(better, move.action, actions[move.before])
    return best, actions


def _chances(rate: float, moves: list[_Move], *, full_window: bool) -> _Values:
    """Chance of success by unmet dependencies (rows) and recent outcomes (columns)."""
    recent = _ones(np.arange(_HISTORIES) & 2**WINDOW - 1, WINDOW) * full_window
    most_unmet = int(max(move.unmet.max(initial=0) for move in moves))
    return np.array(
        [
            [probability(rate, unmet, int(failures), failed_since=False) for failures in recent]
            for unmet in range(most_unmet + 1)
        ]
    )


def _ones(masks: NDArray[Any], bits: int) -> NDArray[Any]:
    """How many bits are set."""
    return sum((masks >> bit & 1 for bit in range(bits)), np.zeros_like(masks))
