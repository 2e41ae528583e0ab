"""Which of the items that an agent could do next it may as well do first."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stormproof.suites.workflows.optimum.items import Item, Workflow, mask_of


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
        self._users = _by_place(len(items), ((m, x) for x in places for m in items[x].hard))
        alone = ((m, x) for x in places for m in items[x].hard if m.bit_count() == 1)
        self._askers = _by_place(len(items), alone)
        self._supports = _by_place(len(items), ((mask, j) for j, mask in enumerate(needs)))
        self._flags = mask_of(j for j, m in enumerate(needs) if m.bit_count() > 1)
        self._goals = _by_place(len(items), ((mask, j) for j, mask in enumerate(goal)))

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


def _by_place(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """For each of so many places the numbers, as a mask, of those whose mask has it."""
    found = [0] * count
    for mask, number in pairs:
        left = mask
        while left:
            lowest = left & -left
            found[lowest.bit_length() - 1] |= 1 << number
            left ^= lowest
    return found
