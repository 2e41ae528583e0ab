"""A task as a workflow: what full success needs of anybody, and the tool calls that stand for it.

Required are the steps that change what the goal's checks look at, and what those hang on: the
steps that first brought in their data, those that tell what their arguments say (`Step.after`), and
those without which they fail. What lies between may be worked out by heart, so it is not. Useful
others, the dependencies of required tools, raise chances.

Who would gamble on what it could read is left out: where a look could show a fault and shows none,
the look is required all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Task, Trouble
from stormproof.suites.weather import EFFECT_SHARE, drawable
from stormproof.suites.workflows.falsehoods import FALSIFIABLE
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.state_space import Item, Workflow
from stormproof.suites.workflows.optimum.support_steps import closure, works_in
from stormproof.suites.workflows.optimum.trial_run import Ran, enablers, same_place, trial_run
from stormproof.suites.workflows.tools import CATALOGUE

Demands = tuple[tuple[int, ...], ...]


class Part(Struct, frozen=True):
    """A tool call of the best agent: the solution's step at `place`, or (None) a useful other.

    `after` are the parts that must come first: of each group one.
    """

    tool: str
    place: int | None
    after: Demands = ()


@once_per_kind
def required_parts(task: Task) -> tuple[Part, ...]:
    """The parts that full success needs, in the solution's order."""
    ran = trial_run(task)
    given = [each.given for each in ran]
    hangs: dict[int, set[tuple[int, ...]]] = {}

    def require(at: int) -> None:
        if at in hangs:
            return
        told = {(place,) for place in _informants(ran, at)}
        hangs[at] = told | set(enablers(task, given, at))
        for group in hangs[at]:
            for place in group:
                require(place)

    effects = [at for at, each in enumerate(ran) if each.changes]
    for at in effects:
        require(at)
        hangs[at] |= {(o,) for o in effects if o < at and same_place(task, ran[o], ran[at])}
    places = sorted(hangs)
    return tuple(
        Part(
            ran[at].step.tool,
            at,
            tuple(sorted(tuple(places.index(place) for place in group) for group in hangs[at])),
        )
        for at in places
    )


def _informants(ran: Sequence[Ran], at: int) -> set[int]:
    """The steps that what a step does was learnt from, near or far."""
    found: set[int] = set()
    ahead, known = [*ran[at].feeders, *ran[at].step.after], set[int]()
    while ahead:
        place = ahead.pop()
        if place in known:
            continue
        known.add(place)
        if ran[place].tells or ran[place].changes:
            found.add(place)
        else:
            ahead += [*ran[place].feeders, *ran[place].step.after]
    return found


@once_per_kind
def parts_of(task: Task) -> tuple[Part, ...]:
    """All parts: the required ones, then useful others, dependencies first."""
    required = required_parts(task)
    ready = {part.tool for part in required if not part.after}
    useful = [t for t in closure(part.tool for part in required) if t not in ready]
    return (*required, *(Part(tool, None) for tool in useful if works_in(task, tool)))


def free_workflow(
    task: Task, weather: WeatherMode = "before", trouble: Trouble | None = None
) -> Workflow:
    """The task's workflow with all the freedom that any agent has."""
    return assembled(parts_of(task), weather, trouble)


def assembled(
    parts: Sequence[Part], weather: WeatherMode, trouble: Trouble | None = None
) -> Workflow:
    """The workflow of some parts, under a kind of weather.

    `ambiguous`: its agent is told at once whether a call that failed did its work. `silent`: it is
    told at once whether what it was shown is false. Both know more than any real agent, so their
    values are upper bounds. Under `trouble` a tool is down: its useful others are left out; or it
    waits for another tool, and then two items more stand for that (`_waiting`).
    """
    goal = tuple(1 << at for at, part in enumerate(parts) if part.place is not None)
    tools = [part.tool for part in parts]
    items = [_item(part, tools, weather) for part in parts]
    if trouble is not None and trouble.tool in tools:
        if trouble.until:
            return _waiting(items, goal, tools, trouble)
        items = [_without(item, tools, trouble.tool) for item in items]
    return Workflow(tuple(items), goal, quiet=weather == "silent")


def _item(part: Part, tools: Sequence[str], weather: WeatherMode) -> Item:
    spec = CATALOGUE[part.tool].spec
    ambiguous, silent = weather == "ambiguous", weather == "silent"
    is_required = part.place is not None  # others are called for the sake of being seen to succeed
    return Item(
        hard=tuple(_mask(group) for group in part.after),
        needs=tuple(_mask(_places(tools, need)) for need in spec.needs),
        unseen=EFFECT_SHARE / len(drawable(spec.errors)) if ambiguous and is_required else 0.0,
        quiet=silent and part.tool in FALSIFIABLE,
    )


def _without(item: Item, tools: Sequence[str], down: str) -> Item:
    """The item where a tool never works; the tool's own can never be called."""
    dead = _mask(_places(tools, down))
    needs = tuple(mask & ~dead for mask in item.needs)
    return Item(item.hard, needs, item.unseen, item.quiet)


def _waiting(
    items: Sequence[Item], goal: tuple[int, ...], tools: Sequence[str], trouble: Trouble
) -> Workflow:
    """With the call that is told what the tool waits for, and the one that it waits for.

    A required call of the awaited tool may be that one too, if it is made after being told: then a
    twin of its item stands for it.
    """
    told = len(items)
    twins = [at for at in _places(tools, trouble.until) if 1 << at in goal]
    freed = _mask(range(told + 1, told + 2 + len(twins)))
    waiting = [
        Item((*item.hard, freed), item.needs, item.unseen, item.quiet)
        if tool == trouble.tool
        else item
        for item, tool in zip(items, tools, strict=True)
    ]
    released = [Item((1 << told,)), *(Item((*items[at].hard, 1 << told)) for at in twins)]
    pairs = {1 << at: 1 << at | 1 << told + 2 + n for n, at in enumerate(twins)}
    return Workflow(
        (*waiting, Item(blocked=True), *released), tuple(pairs.get(mask, mask) for mask in goal)
    )


def _places(tools: Sequence[str], tool: str) -> list[int]:
    return [at for at, each in enumerate(tools) if each == tool]


def _mask(places: Iterable[int]) -> int:
    return sum(1 << place for place in places)
