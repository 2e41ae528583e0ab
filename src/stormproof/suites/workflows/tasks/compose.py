"""From an archetype to a task: how many of its stages a level has room for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stages import Stage
from stormproof.suites.workflows.tasks.wording import EASY, VERY_EASY
from stormproof.suites.workflows.tasks.works import convert

STEPS = ((2, 3), (3, 5), (5, 8), (8, 12), (12, 20))
"""Fewest and most steps of a task, by level."""

_FAULTY = 0.45  # of the tasks that look at something


class Archetype(Struct, frozen=True):
    """A kind of work: where the records come from, what is done with them, where they go.

    `check` is a look at the records before anything else is done with them, and `ends` says how
    many deliveries there are at each level. What a level has no room for is left out: of the works
    the first, of the deliveries the last. At the lowest level, where there is no room for any, some
    have the text converted (`converts`).
    """

    name: str
    source: Stage
    works: tuple[Stage, ...]
    deliveries: tuple[Stage, ...]
    check: Stage | None = None
    ends: tuple[int, ...] = (1, 1, 1, 1, 1)
    converts: bool = False


def compose(s: Scene, archetype: Archetype, place: int) -> None:
    """Carry out the stages that the level has room for. `place` is the archetype's own."""
    room = STEPS[s.level][1] - place % 3 * (s.level // 2)
    stages = chosen_stages(archetype, s.level, room)
    s.raw = s.level == VERY_EASY and not (stages[-1].of_records and stages[0].steps[0] == 1)
    looking = [stage for stage in stages if stage.may_fail(s.level)]
    faulty = s.rng.choice(looking) if looking and s.rng.random() < _FAULTY else None
    s.spoil = faulty.spoil if faulty else None
    for stage in stages:
        s.fault = stage is faulty
        stage.work(s)


def chosen_stages(archetype: Archetype, level: int, room: int) -> tuple[Stage, ...]:
    """Source, check, works and deliveries, as many as there is room for, in their order."""
    source = archetype.source
    ways = [way for d in archetype.deliveries for way in (d, d.simpler) if way]
    first = next(way for way in ways if _fits(level, room, (source, way)))
    ends, works, check = [first], [], ()
    left = list(archetype.works) if level > VERY_EASY else []
    if left and _fits(level, room, (source, left[-1], first)):
        works.append(left.pop())
    if archetype.check and archetype.check.may_fail(level):
        alone = level <= EASY and not _fits(level, room, (source, archetype.check))
        if not alone and _fits(level, room, (source, archetype.check, *works, *ends)):
            check = (archetype.check,)
    for delivery in archetype.deliveries:
        if (
            len(ends) < archetype.ends[level]
            and delivery not in ends
            and delivery.simpler not in ends
        ):
            if _fits(level, room, (source, *check, *works, *ends, delivery)):
                ends.append(delivery)
    if level == VERY_EASY and archetype.converts and _fits(level, room, (source, convert, first)):
        works.append(convert)
    while left and _fits(level, room, (source, *check, left[-1], *works, *ends)):
        works.insert(0, left.pop())
    return (source, *check, *works, *ends)


def _fits(level: int, room: int, stages: Sequence[Stage]) -> bool:
    """Whether the stages have room, whichever of them has a fault."""
    steps = sum(stage.steps[level] for stage in stages)
    return steps + max(stage.more[level] for stage in stages) <= room
