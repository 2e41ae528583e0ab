"""Items that stand for tool calls, what they demand of each other, and masks over them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from msgspec import Struct


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


def union(masks: Iterable[int]) -> int:
    """The items in any of the masks."""
    return reduce(or_, masks, 0)


def mask_of(places: Iterable[int]) -> int:
    """The items at these places, each named once."""
    return sum(1 << place for place in places)
