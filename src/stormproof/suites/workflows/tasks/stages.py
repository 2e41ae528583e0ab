"""What a stage of a task is: a function of the Scene, and how many steps it may add."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stock import Table

Work = Callable[[Scene], None]


class Stage(Struct, frozen=True):
    """A part of a task."""

    work: Work
    steps: tuple[int, ...]  # that it adds at each level
    more: tuple[int, ...] = (0, 0, 0, 0, 0)  # that a fault adds to these
    looks: int | None = None  # the level from which on it looks at what may have a fault
    of_records: bool = False  # a delivery that needs records, not text
    spoil: Callable[[Scene, Table], None] | None = None  # puts the fault into the records
    simpler: Stage | None = None  # stands in for it where there is no room
    lists: bool = False  # a source that, at the highest level, lists all files
    sides: bool = False  # work on a file that, at the highest level, must be found

    @property
    def name(self) -> str:
        """The function's name."""
        return self.work.__name__

    def may_fail(self, level: int) -> bool:
        """Whether its data may have a fault at a level."""
        return self.looks is not None and level >= self.looks


def stage(
    *steps: int,
    more: tuple[int, ...] = (0, 0, 0, 0, 0),
    looks: int | None = None,
    of_records: bool = False,
    spoil: Callable[[Scene, Table], None] | None = None,
    simpler: Stage | None = None,
    lists: bool = False,
    sides: bool = False,
) -> Callable[[Work], Stage]:
    """Make a Stage of a function; one number of steps stands for all levels."""
    by_level = steps * 5 if len(steps) == 1 else steps
    return lambda work: Stage(work, by_level, more, looks, of_records, spoil, simpler, lists, sides)
