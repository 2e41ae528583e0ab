"""From an archetype to a task: how many of its stages a level has room for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.stages import Stage
from stormproof.suites.workflows.tasks.wording import EASY, VERY_EASY, VERY_HARD
from stormproof.suites.workflows.tasks.works import convert

STEPS = ((2, 3), (3, 5), (5, 8), (8, 12), (12, 20))
"""Fewest and most steps of a task, by level."""

_FAULTY = 0.53  # of the tasks that look at something


class Archetype(Struct, frozen=True):
    """A kind of work: where the records come from, what is done with them, where they go.

    `check` is a look at the records before anything else is done with them, and `ends` says how
    many deliveries there are at each level. What a level has no room for is left out: of the works
    the first, of the deliveries the last. Where there is room for a look or for work, some look
    (`looks_first`); where there is room for neither, the same have the text converted.
    """

    name: str
    source: Stage
    works: tuple[Stage, ...]
    deliveries: tuple[Stage, ...]
    check: Stage | None = None
    ends: tuple[int, ...] = (1, 1, 1, 1, 1)
    looks_first: bool = False


def compose(s: Scene, archetype: Archetype, place: int) -> str:
    """Carry out the stages that the level has room for. `place` is the archetype's own.

    Returns the name of the stage that finds a fault, or nothing.
    """
    stages = chosen_stages(archetype, s.level, place)
    s.raw = s.level == VERY_EASY and not (stages[-1].of_records and _fits(0, 1, stages[:1]))
    looking = [stage for stage in stages if stage.may_fail(s.level)]
    faulty = s.rng.choice(looking) if looking and s.rng.random() < _FAULTY else None
    s.spoil = faulty.spoil if faulty else None
    last_works = archetype.works[-2:]
    for stage in stages:
        s.fault = stage is faulty
        stage.work(s)
        if stage in last_works:
            s.passes("result", "", s.value)
    return faulty.name if faulty else ""


def chosen_stages(archetype: Archetype, level: int, place: int) -> tuple[Stage, ...]:
    """The stages in their order: some archetypes leave room, if they are themselves even so."""
    fewest, most = STEPS[level]
    core = archetype.works[-1:] if level > VERY_EASY else ()
    for less in range(place % 3, -1, -1):
        stages = _fitting(archetype, level, most - less * (level // 2))
        if _steps(level, stages) > fewest and (set(core) <= set(stages) or level == EASY):
            break
    return stages


def _fitting(archetype: Archetype, level: int, room: int) -> tuple[Stage, ...]:
    """Source, check, works and deliveries, as many as there is room for."""
    source = archetype.source
    ends = [_first_delivery(archetype, level, room)]
    check, works = _core(archetype, level, room, ends[0])
    for delivery in archetype.deliveries:
        taken = delivery in ends or delivery.simpler in ends
        full = len(ends) == archetype.ends[level]
        if not full and not taken and _fits(level, room, (source, *check, *works, *ends, delivery)):
            ends.append(delivery)
    for work in reversed(archetype.works if level > VERY_EASY else ()):
        if work not in works and _fits(level, room, (source, *check, work, *works, *ends)):
            works = (work, *works)
    return (source, *check, *works, *ends)


def _first_delivery(archetype: Archetype, level: int, room: int) -> Stage:
    """The first that there is room for beside the last work, or else without it."""
    ways = [way for d in archetype.deliveries for way in (d, d.simpler) if way]
    core = archetype.works[-1:] if level > VERY_EASY else ()
    for works in (core, ()):
        for way in ways:
            if _fits(level, room, (archetype.source, *works, way)):
                return way
    raise ValueError(archetype.name)  # an archetype whose source alone is too much


def _core(
    archetype: Archetype, level: int, room: int, end: Stage
) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """The look and the last work, where there is room for them."""
    source, check = archetype.source, archetype.check
    if level == VERY_EASY:
        converts = archetype.looks_first and _fits(level, room, (source, convert, end))
        return (), (convert,) if converts else ()
    works = archetype.works[-1:]
    if not _fits(level, room, (source, *works, end)):
        works = ()
    if check is None or not check.may_fail(level):
        return (), works
    if _fits(level, room, (source, check, *works, end)):
        return (check,), works
    rather = level == EASY and archetype.looks_first and _fits(level, room, (source, check, end))
    return ((check,), ()) if rather else ((), works)


def _fits(level: int, room: int, stages: Sequence[Stage]) -> bool:
    """Whether the stages have room, whichever of them has a fault."""
    return _steps(level, stages) + max(stage.more[level] for stage in stages) <= room


def _steps(level: int, stages: Sequence[Stage]) -> int:
    """Their steps without a fault; at the highest level, files may have to be listed first."""
    lists = level == VERY_HARD and not stages[0].lists and any(each.sides for each in stages)
    return sum(stage.steps[level] for stage in stages) + lists
