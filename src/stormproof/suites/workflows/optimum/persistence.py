"""How far an agent gets that works through a plan and repeats each step until it succeeds.

A plan is judged by that: which useful calls to add to a solution, and how many turns a task gets.
Its chance is exact, by a forward pass over the tool calls: the state is the step that comes next,
the last three outcomes and the failures in a row. A step's needs are met by the steps before it,
and no need has failed since, for each step has succeeded before the next is tried.

So that a step with unmet needs does not end the episode by failures in a row, the agent turns to a
call that nothing depends on after `PATIENCE` of them, until that succeeds.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from stormproof.suites.weather import WINDOW, probability
from stormproof.suites.workflows.optimum.histories import HISTORIES, ON_FAILURE, ON_SUCCESS
from stormproof.suites.workflows.tools import CATALOGUE

PATIENCE = 4
_Values = NDArray[np.float64]
_EQUAL = 1e-9


@functools.cache
def best_tools(
    solution: tuple[str, ...], useful: tuple[str, ...], rate: float, turns: int
) -> tuple[str, ...]:
    """The solution's tools, with those useful ones that give the best chance in so many turns.

    Of equally good plans the shortest.
    """
    plans, reached = _plans_reaching(solution, useful, rate)
    found = zip(plans, reached(turns), strict=True)
    return min(found, key=lambda pair: (-round(pair[1] / _EQUAL), len(pair[0])))[0]


@functools.cache
def turns_for(
    solution: tuple[str, ...], useful: tuple[str, ...], rate: float, *, chance: float, most: int
) -> int:
    """The smallest number of turns in which the best plan has at least such a chance."""
    _, reached = _plans_reaching(solution, useful, rate)
    return next((n for n in range(1, most) if reached(n).max() >= chance), most)


@functools.cache
def _plans_reaching(
    solution: tuple[str, ...], useful: tuple[str, ...], rate: float
) -> tuple[list[tuple[str, ...]], Callable[[int], _Values]]:
    """The plans to choose from, and how likely each is done within a number of turns."""
    plans = _plans(solution, useful)
    forward, known, lock = _forward(plans, rate), list[_Values](), Lock()

    def reached(turns: int) -> _Values:
        with lock:  # two threads may ask at once, and a generator goes on for one at a time
            known.extend(itertools.islice(forward, max(0, turns - len(known))))
        return known[turns - 1]

    return plans, reached


def chances(plan: tuple[str, ...], rate: float) -> Iterator[float]:
    """The chance to have worked through a plan after one tool call, after two, and so on."""
    return (float(each[0]) for each in _forward([plan], rate))


def _plans(solution: Sequence[str], useful: Sequence[str]) -> list[tuple[str, ...]]:
    """The solution with every choice of useful tools, each right before the first that needs it."""
    choices = itertools.product((False, True), repeat=len(useful))
    added = [itertools.compress(useful, choice) for choice in choices]
    return list(dict.fromkeys(_inserted(solution, frozenset(tools)) for tools in added))


def _inserted(solution: Sequence[str], added: Collection[str]) -> tuple[str, ...]:
    plan: list[str] = []

    def put(tool: str) -> None:
        for need in CATALOGUE[tool].spec.needs:
            if need in added and need not in plan:
                put(need)
        plan.append(tool)

    for tool in solution:
        put(tool)
    return tuple(plan)


def _forward(plans: Sequence[tuple[str, ...]], rate: float) -> Iterator[_Values]:
    """Each plan's chance to be done after one tool call, after two, and so on without end."""
    every, ends = np.arange(len(plans)), np.array([len(plan) for plan in plans])
    unmet = np.zeros((len(plans), ends.max() + 1), np.intp)
    for at, plan in enumerate(plans):
        for place, tool in enumerate(plan):
            unmet[at, place] = sum(need not in plan[:place] for need in CATALOGUE[tool].spec.needs)
    rows = np.array([history.row for history in HISTORIES])
    breaks_off = (rows >= PATIENCE) & (unmet > 0)[:, :, None]
    ways = []
    for is_full in (False, True):
        table = _table(rate, int(unmet.max()), is_full=is_full)
        chance = np.where(breaks_off, table[0], table[unmet])
        ways.append((chance * breaks_off, chance * ~breaks_off, 1 - chance))
    spread = np.zeros((*unmet.shape, len(HISTORIES)))
    spread[:, 0, 0] = 1.0
    done = np.zeros(len(plans))
    for calls in itertools.count():
        stays, moves, fails = ways[calls >= WINDOW]
        moved = spread * moves @ ON_SUCCESS
        spread = spread * fails @ ON_FAILURE + spread * stays @ ON_SUCCESS
        spread[:, 1:] += moved[:, :-1]
        done = done + spread[every, ends].sum(axis=1)
        spread[every, ends] = 0.0
        yield done


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
