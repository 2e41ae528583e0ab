"""What a stage of a task is: a function of the Scene, and how many steps it may add."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stock import Table

Work = Callable[[Scene], None]


class Stage(Struct, frozen=True):
    """A part of a task.

    `steps` are what it adds at each level, and `more` what a fault adds to that. `looks` says from which level on it looks at
    something that may have a fault, and `spoil` puts the fault into the records, where it is theirs.
    `of_records` is for a delivery that needs records, not text, and `simpler` stands in for one
    that there is no room for. At the highest level `lists` is for a source that lists all files,
    and `sides` for work on a file that must be found.
    """

    work: Work
    steps: tuple[int, ...]
    more: tuple[int, ...] = (0, 0, 0, 0, 0)
    looks: int | None = None
    of_records: bool = False
    spoil: Callable[[Scene, Table], None] | None = None
    simpler: Stage | None = None
    lists: bool = False
    sides: bool = False

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
