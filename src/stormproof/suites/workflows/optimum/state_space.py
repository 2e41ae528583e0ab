"""A workflow as a space of states: what can be done in which order, and what it hangs on.

Items stand for tool calls. A *demand* is a bit mask over the items, and any one item of it meets
it; the mask 0 cannot be met. A state is a mask too: the items done, and above them a flag for each
tool that is needed and has several items, up while its latest call has failed since it first
succeeded. (A tool of one item is not called again once that is done, so its flag stays down on
every best path.)

What keeps the states few, and changes no value:

- only down-sets of the partial order are reached, not all subsets;
- an item that nothing left to do demands counts as done;
- the filler is left out where an item has its chance, and a failure of that does no harm;
- of two items with equal chances the one that opens and supports all that the other does comes
  first (`ordered`), so that equal items are done in one order and merely counted.

Where they are still too many, `eased` lets needs be met from the start, one after the other, which
is worth no less, so the value is then an upper bound.
"""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

FILLER = -1
MOST_STATES = 6_000
Indices = NDArray[np.intp]


class Item(Struct, frozen=True):
    """One tool call.

    `hard` are the demands that must be met first; each unmet one of `needs` halves the chance.
    `unseen` is the share of failed calls that do their work all the same. A `quiet` item's failed
    calls look like successes. A `blocked` one's calls always fail, and do their work by that.
    Where work done unseen meets no need, `alone` is the item that is done by it in place of this.
    """

    hard: tuple[int, ...] = ()
    needs: tuple[int, ...] = ()
    unseen: float = 0.0
    quiet: bool = False
    blocked: bool = False
    alone: int | None = None


class Workflow(Struct, frozen=True):
    """Items, each after those that it demands, and the demands of the goal.

    `quiet` says whether some call that is no item always looks like a success.
    """

    items: tuple[Item, ...]
    goal: tuple[int, ...]
    quiet: bool = False


class StateSpace(Struct, frozen=True, eq=False):
    """All states that can be reached, and the transitions of each that is not yet the goal.

    `states[0]` is the start. Transitions lie in rows, those of one state together from its place in
    `starts` on; `opened[i]` is the state that the i-th of these blocks belongs to. A row's
    outcomes are states by number: after success, failure, and failure that did its work.
    """

    states: tuple[int, ...]
    won: NDArray[np.bool_]
    opened: Indices
    starts: Indices
    actions: Indices
    unmet: Indices
    since: NDArray[np.bool_]
    succeeded: Indices
    failed: Indices
    worked: Indices
    unseen: NDArray[np.float64]
    quiet: NDArray[np.bool_]
    blocked: NDArray[np.bool_]


class TooManyStates(Exception):
    """More than were allowed."""


def explored(workflow: Workflow, most: int = MOST_STATES) -> StateSpace:
    """The state space. Raises TooManyStates."""
    rules = _Rules(ordered(workflow))
    numbers = {rules.settled(0): 0}
    rows: list[tuple[int, ...]] = []
    opened, starts = [], []
    states = list(numbers)
    for number, state in enumerate(states):
        if rules.is_won(state):
            continue
        opened.append(number)
        starts.append(len(rows))
        for action in rules.choices(state):
            unmet, since, *outcomes = rules.outcomes(state, action)
            for outcome in outcomes:
                if outcome not in numbers:
                    numbers[outcome] = len(states)
                    states.append(outcome)
            rows.append((action, unmet, since, *(numbers[outcome] for outcome in outcomes)))
        if len(states) > most:
            raise TooManyStates
    return _space(rules, states, rows, opened, starts)


def _space(
    rules: _Rules, states: list[int], rows: list[tuple[int, ...]], opened: list[int],
    starts: list[int],
) -> StateSpace:  # fmt: skip
    columns = np.array(rows, np.intp).reshape(-1, 6).T
    filler = Item(quiet=rules.workflow.quiet)
    items = [*rules.workflow.items, filler]  # FILLER is the last place
    return StateSpace(
        states=tuple(states),
        won=np.array([rules.is_won(state) for state in states]),
        opened=np.array(opened, np.intp),
        starts=np.array(starts, np.intp),
        actions=columns[0],
        unmet=columns[1],
        since=columns[2].astype(bool),
        succeeded=columns[3],
        failed=columns[4],
        worked=columns[5],
        unseen=np.array([item.unseen for item in items])[columns[0]],
        quiet=np.array([item.quiet for item in items])[columns[0]],
        blocked=np.array([item.blocked for item in items])[columns[0]],
    )


class _Rules:
    """A workflow's transitions, state by state."""

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        items = workflow.items
        count = len(items)
        self._every = (1 << count) - 1
        needed = dict.fromkeys(mask for item in items for mask in item.needs)
        flagged = [mask for mask in needed if mask.bit_count() > 1]
        # Needs of several items, each with its flag, and the items that have it.
        self._flags = [
            (mask, 1 << count + at, sum(1 << i for i, x in enumerate(items) if mask in x.needs))
            for at, mask in enumerate(flagged)
        ]
        self._flag_of = {mask: flag for mask, flag, _ in self._flags}
        # Items that may become superfluous, each with all that demands it: an item's bit (0 for
        # the goal), and the demand. Demanding items come before what they demand.
        demands = [self._demanded(at) for at in range(count)]
        spare = [at for at in _outermost_first(demands) if 1 << at not in workflow.goal]
        self._spare = [(1 << at, *_split_by_way(1 << at, demands[at])) for at in spare]
        self._settled: dict[int, int] = {}  # what was worked out
        self._hard = [_split(item.hard) for item in items]
        flaggable = _union(flagged)
        self._harmless = frozenset(
            at
            for at, item in enumerate(items)
            if not flaggable >> at & 1
            and not item.blocked
            and item.quiet >= workflow.quiet
            and not any(mask in flagged for mask in item.needs)
        )

    def _demanded(self, at: int) -> list[tuple[int, int]]:
        of_items = [
            (1 << other, mask)
            for other, item in enumerate(self.workflow.items)
            for mask in (*item.hard, *item.needs)
        ]
        return [
            (who, mask)
            for who, mask in (*of_items, *((0, mask) for mask in self.workflow.goal))
            if mask >> at & 1
        ]

    def is_won(self, state: int) -> bool:
        """Whether the goal is reached."""
        return all(state & mask for mask in self.workflow.goal)

    def settled(self, state: int) -> int:
        """The state with superfluous items done, and flags down that matter to nobody."""
        known = self._settled.get(state)
        if known is None:
            known = self._settled[state] = self._settle(state)
        return known

    def _settle(self, state: int) -> int:
        for bit, users, others in self._spare:
            if state & bit or state & users != users:
                continue
            if all(state & who or state & mask for who, mask in others):
                state |= bit
        for _, flag, users in self._flags:
            if state & flag and state & users == users:
                state &= ~flag
        return state

    def possible(self, state: int) -> list[int]:
        """The items that can be called now, and are worth it."""
        return [
            at
            for at, (all_of, any_of) in enumerate(self._hard)
            if not state >> at & 1
            and state & all_of == all_of
            and all(state & mask for mask in any_of)
        ]

    def choices(self, state: int) -> list[int]:
        """The items that can be called now, and FILLER where no item is worth as much at least."""
        possible = self.possible(state)
        if any(self._is_no_worse(state, at) for at in possible):
            return possible
        return [*possible, FILLER]

    def _is_no_worse(self, state: int, at: int) -> bool:
        """Whether an item has the filler's chance of success, and its failure does no harm."""
        return at in self._harmless and all(state & mask for mask in self.workflow.items[at].needs)

    def outcomes(self, state: int, action: int) -> tuple[int, bool, int, int, int]:
        """Unmet needs, whether a met one failed since, and the states that can follow."""
        if action == FILLER:
            return 0, False, state, state, state
        item, bit = self.workflow.items[action], 1 << action
        unmet, since, lowered, raised = 0, False, state, state
        for mask in item.needs:
            unmet += not state & mask & self._every
            since = since or bool(state & self._flag_of.get(mask, 0))
        for mask, flag, _ in self._flags:
            if mask & bit:
                lowered &= ~flag
                raised |= flag if state & mask else 0
        failed = lowered if item.quiet else raised
        work = bit if item.alone is None else 1 << item.alone
        return (
            unmet,
            since,
            self.settled(lowered | bit),
            self.settled(failed),
            self.settled(failed | work),
        )


def _split(demands: Iterable[int]) -> tuple[int, list[int]]:
    """The items that are demanded each by itself, as one mask, and the demands of several."""
    masks = list(demands)
    return _union(m for m in masks if m.bit_count() == 1), [m for m in masks if m.bit_count() != 1]


def _split_by_way(
    bit: int, demanded: Iterable[tuple[int, int]]
) -> tuple[int, list[tuple[int, int]]]:
    """Those who demand the one item and no other, as one mask, and the demands that others meet.

    The goal demands none alone, else its item would never be superfluous.
    """
    pairs = list(demanded)
    return _union(w for w, mask in pairs if mask == bit), [p for p in pairs if p[1] != bit]


# --- fewer states ---------------------------------------------------------------------------------


def eased(workflow: Workflow) -> Workflow:
    """The workflow with the need that most items have met from the start: worth no less."""
    needs = Counter(mask for item in workflow.items for mask in item.needs if mask)
    if not needs:
        return replace(workflow, items=tuple(replace(item, hard=()) for item in workflow.items))
    ((given, _),) = needs.most_common(1)
    items = tuple(
        replace(item, needs=tuple(mask for mask in item.needs if mask != given))
        for item in workflow.items
    )
    return replace(workflow, items=items)


def ordered(workflow: Workflow) -> Workflow:
    """The workflow with an order among items where one can be shown to be best.

    A is done before B where both are sure to be wanted, have equal chances, A can be done
    whenever B can, whatever demands B also demands A, and whatever B's success supports A's
    supports as well. For then an agent that does B first loses nothing by doing A in its place,
    and B where it does A. Each order found may show another one, until there is none left.
    """
    further = _further_ordered(workflow)
    return workflow if further == workflow else ordered(further)


def _further_ordered(workflow: Workflow) -> Workflow:
    closed = _closed(workflow.items)
    view = _View(closed, workflow.goal)
    items = []
    for b, item in enumerate(workflow.items):
        first = [1 << a for a in range(len(closed)) if a != b and view.comes_first(a, b)]
        items.append(replace(item, hard=tuple(dict.fromkeys((*item.hard, *first)))))
    return replace(workflow, items=tuple(items))


def _closed(items: tuple[Item, ...]) -> list[Item]:
    """Items with what they demand directly or through others."""
    found: list[Item] = []
    for item in items:
        near = [m for m in item.hard if m.bit_count() == 1 and m.bit_length() <= len(found)]
        far = [mask for near_mask in near for mask in found[near_mask.bit_length() - 1].hard]
        found.append(replace(item, hard=tuple(dict.fromkeys((*item.hard, *far)))))
    return found


class _View:
    """Who demands whom, as bit masks, so that pairs can be compared fast."""

    def __init__(self, items: list[Item], goal: tuple[int, ...]) -> None:
        places = range(len(items))
        needs = list(dict.fromkeys(mask for item in items for mask in item.needs))
        self._items = items
        self._wanted = [1 << at in goal for at in places]
        self._hard = [frozenset(item.hard) for item in items]
        self._users = [_mask(x for x in places if _any(items[x].hard, at)) for at in places]
        self._askers = [_mask(x for x in places if 1 << at in items[x].hard) for at in places]
        self._supports = [_mask(j for j, m in enumerate(needs) if m >> at & 1) for at in places]
        self._flags = _mask(j for j, m in enumerate(needs) if m.bit_count() > 1)
        self._goals = [_mask(j for j, m in enumerate(goal) if m >> at & 1) for at in places]

    def comes_first(self, a: int, b: int) -> bool:
        """Whether A is to be done before B; of two that are alike, the first."""
        return self._no_worse(a, b) and (a < b or not self._no_worse(b, a))

    def _no_worse(self, a: int, b: int) -> bool:
        one, other = self._items[a], self._items[b]
        return (
            self._wanted[a]
            and self._wanted[b]
            and self._goals[a].bit_count() == self._goals[b].bit_count() == 1
            and replace(one, hard=()) == replace(other, hard=())
            and self._hard[a] <= self._hard[b]
            and not self._users[b] & ~self._askers[a]
            and not self._supports[b] & ~self._supports[a]
            and not (self._supports[a] ^ self._supports[b]) & self._flags
        )


def _outermost_first(demands: list[list[tuple[int, int]]]) -> list[int]:
    """Items in such an order that whatever demands one comes before it, but for rings."""
    entered: set[int] = set()
    left: list[int] = []

    def visit(at: int) -> None:
        if at not in entered:
            entered.add(at)
            for who in dict.fromkeys(who for who, _ in demands[at] if who):
                visit(who.bit_length() - 1)
            left.append(at)

    for at in range(len(demands)):
        visit(at)
    return left


def _any(masks: Iterable[int], at: int) -> bool:
    return any(mask >> at & 1 for mask in masks)


def _union(masks: Iterable[int]) -> int:
    return functools.reduce(operator.or_, masks, 0)


def _mask(places: Iterable[int]) -> int:
    return sum(1 << place for place in places)
