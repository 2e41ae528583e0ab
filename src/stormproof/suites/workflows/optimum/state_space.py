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

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from stormproof.suites.workflows.optimum.item_order import ordered
from stormproof.suites.workflows.optimum.items import Item, Workflow, mask_of, union

FILLER = -1
MOST_STATES = 6_000
_COLUMNS = 6  # of a transition's row
Indices = NDArray[np.intp]


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
    rules.number(0)
    rows, opened, starts = array("q"), array("q"), array("q")
    won = array("b")
    for at, state in enumerate(rules.states):
        won.append(rules.is_won(state))
        if won[at]:
            continue
        opened.append(at)
        starts.append(len(rows) // _COLUMNS)
        rows.extend(rules.transitions(at))
        if len(rules.states) > most:
            raise TooManyStates
    places = (np.array(each, np.intp) for each in (rows, opened, starts))
    return _space(rules, np.array(won, np.bool_), *places)


def _space(
    rules: _Rules, won: NDArray[np.bool_], rows: Indices, opened: Indices, starts: Indices
) -> StateSpace:
    columns = np.ascontiguousarray(rows.reshape(-1, _COLUMNS).T)
    filler = Item(quiet=rules.workflow.quiet)
    items = [*rules.workflow.items, filler]  # FILLER is the last place
    return StateSpace(
        states=tuple(rules.states),
        won=won,
        opened=opened,
        starts=starts,
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


class _Move(NamedTuple):
    """What calling an item takes and does, in masks over the items and flags of a state."""

    action: int
    bit: int
    ready: int  # items that must be done first
    demands: list[int]  # demands that several items meet
    needs: tuple[tuple[int, int], ...]  # each with its flag, 0 where it has none
    own: tuple[tuple[int, int], ...]  # flagged needs that the item meets, with their flags
    quiet: bool
    work: int  # what is done by a call that fails and works all the same; 0 where none does
    harmless: bool  # whether its failure does no more harm than the filler's


class _Rules:
    """A workflow's transitions, state by state, as far as they were asked for."""

    def __init__(self, workflow: Workflow) -> None:
        # Settled states in the order in which they were found; `number` alone adds to them. Beside
        # it, the place there of every state that was met, settled or not.
        self.states: list[int] = []
        self._numbers: dict[int, int] = {}

        self.workflow = workflow
        items = workflow.items
        count = len(items)
        self._goal, self._goals = _split(workflow.goal)
        needed = dict.fromkeys(mask for item in items for mask in item.needs)
        several = [mask for mask in needed if mask.bit_count() > 1]
        flags = {mask: 1 << count + at for at, mask in enumerate(several)}
        # Flags, each with the items that have its need.
        self._flags = [
            (flag, mask_of(i for i, item in enumerate(items) if mask in item.needs))
            for mask, flag in flags.items()
        ]
        # Items that may become superfluous, each with all that demands it: an item's bit (0 for
        # the goal), and the demand. Demanding items come before what they demand.
        demands = [self._demanded(at) for at in range(count)]
        spare = [at for at in _outermost_first(demands) if 1 << at not in workflow.goal]
        self._spare = [(1 << at, *_split_by_way(1 << at, demands[at])) for at in spare]
        self._moves = [self._move(at, flags) for at in range(count)]

    def _move(self, at: int, flags: Mapping[int, int]) -> _Move:
        item = self.workflow.items[at]
        works = item.unseen or item.blocked  # by chance, or by being refused
        own = tuple((mask, flag) for mask, flag in flags.items() if mask >> at & 1)
        return _Move(
            at,
            1 << at,
            *_split(item.hard),
            needs=tuple((mask, flags.get(mask, 0)) for mask in item.needs),
            own=own,
            quiet=item.quiet,
            work=1 << (at if item.alone is None else item.alone) if works else 0,
            harmless=not own
            and not item.blocked
            and item.quiet >= self.workflow.quiet
            and not any(mask in flags for mask in item.needs),
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
        if state & self._goal != self._goal:
            return False
        return not self._goals or all(state & mask for mask in self._goals)

    def number(self, state: int) -> int:
        """The place of the state in `states`, with superfluous items done and idle flags down."""
        known = self._numbers.get(state)
        if known is None:
            settled = self._settled(state)
            known = self._numbers.setdefault(settled, len(self.states))
            if known == len(self.states):
                self.states.append(settled)
            self._numbers[state] = known
        return known

    def _settled(self, state: int) -> int:
        """With superfluous items done, and flags down that matter to nobody."""
        for bit, users, others in self._spare:
            if state & bit or state & users != users:
                continue
            if not others or all(state & who or state & mask for who, mask in others):
                state |= bit
        for flag, users in self._flags:
            if state & flag and state & users == users:
                state &= ~flag
        return state

    def transitions(self, at: int) -> list[int]:
        """Rows of all that can be done in a state, given by its place, and is worth it.

        Each row: the action, its unmet needs, whether a met one failed since, and the places of the
        states after success, failure, and failure that did its work. FILLER is among them where no
        item has its chance of success and does no harm by failing.
        """
        state, number = self.states[at], self.number
        rows: list[int] = []
        waits = True
        for action, bit, ready, demands, needs, own, quiet, work, harmless in self._moves:
            if state & bit or state & ready != ready:
                continue
            if demands and not all(state & mask for mask in demands):
                continue
            unmet = since = 0
            for mask, flag in needs:
                if not state & mask:
                    unmet += 1
                elif state & flag:
                    since = 1
            if harmless and not unmet:
                waits = False
            succeeded, failed = _flagged(state, own, quiet=quiet) if own else (state, state)
            succeeded_at = number(succeeded | bit)
            failed_at = at if failed == state else number(failed)
            worked_at = number(failed | work) if work else failed_at
            rows += (action, unmet, since, succeeded_at, failed_at, worked_at)
        if waits:
            rows += (FILLER, 0, 0, at, at, at)
        return rows


def _flagged(state: int, own: Iterable[tuple[int, int]], *, quiet: bool) -> tuple[int, int]:
    """The state with the flags of these needs as a call's success leaves them, and its failure."""
    lowered = raised = state
    for mask, flag in own:
        lowered &= ~flag
        raised |= flag if state & mask else 0
    return lowered, lowered if quiet else raised


def _split(demands: Iterable[int]) -> tuple[int, list[int]]:
    """The items that are demanded each by itself, as one mask, and the demands of several."""
    masks = list(demands)
    return union(m for m in masks if m.bit_count() == 1), [m for m in masks if m.bit_count() != 1]


def _split_by_way(
    bit: int, demanded: Iterable[tuple[int, int]]
) -> tuple[int, list[tuple[int, int]]]:
    """Those who demand the one item and no other, as one mask, and the demands that others meet.

    The goal demands none alone, else its item would never be superfluous.
    """
    pairs = list(demanded)
    return union(w for w, mask in pairs if mask == bit), [p for p in pairs if p[1] != bit]


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
