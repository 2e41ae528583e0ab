"""How far an agent gets that works through a plan and repeats each step until it succeeds.

A plan is judged by that: which useful calls to add to a solution, and how many turns a task gets.
Its chance is exact, by a forward pass over the tool calls: the state is the step that comes next,
the last three outcomes and the failures in a row. A step's needs are met by the steps before it,
and no need has failed since, for each step has succeeded before the next is tried.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from stormproof.suites.weather import WINDOW, probability
from stormproof.suites.workflows.optimum.histories import HISTORIES, ON_FAILURE, ON_SUCCESS

Needs = Mapping[str, Sequence[str]]
_Values = NDArray[np.float64]
_EQUAL = 1e-9


class Reached(Struct, frozen=True):
    """A plan as tools in order, and its chance to be worked through within a number of turns."""

    tools: tuple[str, ...]
    chance: float


def best_plan(
    solution: tuple[str, ...], useful: tuple[str, ...], needs: Needs, rate: float, turns: int
) -> Reached:
    """The solution with those useful calls before it that give it the best chance in `turns`.

    Of equally good plans the shortest.
    """
    plans = _plans(solution, useful, needs)
    chances = _forward(plans, needs, rate)
    reached = [next(chances) for _ in range(turns)][-1] if turns else np.zeros(len(plans))
    best = min(range(len(plans)), key=lambda at: (-round(reached[at] / _EQUAL), len(plans[at])))
    return Reached(plans[best], float(reached[best]))


def turns_for(
    solution: tuple[str, ...],
    useful: tuple[str, ...],
    needs: Needs,
    rate: float,
    *,
    chance: float,
    most: int,
) -> int:
    """The smallest number of turns in which the best plan has at least such a chance."""
    reached = _forward(_plans(solution, useful, needs), needs, rate)
    for turns in range(1, most):
        if next(reached).max() >= chance:
            return turns
    return most


def _plans(
    solution: Sequence[str], useful: Sequence[str], needs: Needs
) -> list[tuple[str, ...]]:
    """The solution with every choice of useful tools, each right before the first that needs it."""
    return [
        _inserted(solution, [tool for tool, chosen in zip(useful, choice, strict=True) if chosen], needs)
        for choice in product((False, True), repeat=len(useful))
    ]


def _inserted(solution: Sequence[str], added: Sequence[str], needs: Needs) -> tuple[str, ...]:
    plan: list[str] = []

    def put(tool: str) -> None:
        for need in needs[tool]:
            if need in added and need not in plan:
                put(need)
        plan.append(tool)

    for tool in solution:
        put(tool)
    return tuple(plan)


def _forward(plans: Sequence[tuple[str, ...]], needs: Needs, rate: float) -> Iterator[_Values]:
    """Each plan's chance to be done after one tool call, after two, and so on without end."""
    longest = max(len(plan) for plan in plans)
    unmet = np.zeros((len(plans), longest + 1), np.intp)
    for at, plan in enumerate(plans):
        for place, tool in enumerate(plan):
            unmet[at, place] = sum(need not in plan[:place] for need in needs[tool])
    ends = np.array([len(plan) for plan in plans])
    spread = np.zeros((len(plans), longest + 1, len(HISTORIES)))
    spread[:, 0, 0] = 1.0
    done = (np.arange(longest + 1) >= ends[:, None])[:, :, None]
    tables = [_table(rate, int(unmet.max()), is_full=full) for full in (False, True)]
    calls = 0
    while True:
        chances = np.where(done, 0.0, tables[calls >= WINDOW][unmet])
        succeeded = spread * chances @ ON_SUCCESS
        spread = np.where(done, spread, spread * (1 - chances) @ ON_FAILURE)
        spread[:, 1:] += succeeded[:, :-1]
        calls += 1
        yield np.where(done, spread, 0.0).sum(axis=(1, 2))


@functools.cache
def _table(rate: float, most_unmet: int, *, is_full: bool) -> _Values:
    """Chance of success by unmet needs and history."""
    failures = [history.recent_failures * is_full for history in HISTORIES]
    return np.array(
        [
            [probability(rate, unmet, count, failed_since=False) for count in failures]
            for unmet in range(most_unmet + 1)
        ]
    )
