"""A task as a workflow: what full success needs of anybody, and the tool calls that stand for it.

Required are the steps that change what the goal's checks look at, and what those hang on: the
steps that first brought in their data, those that tell what their arguments say (`Step.after`), and
those without which they fail. What lies between may be worked out by heart, so it is not. Where a
check asks only that data was looked at, any tool that does so will do (`_EXAMINERS`). Useful
others, the dependencies of required tools, raise chances.

Who would gamble on what it could read is left out: where a look could show a fault and shows none,
the look is required all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Task, Trouble
from stormproof.suites.weather import EFFECT_SHARE, drawable
from stormproof.suites.workflows.falsehoods import FALSIFIABLE
from stormproof.suites.workflows.optimum.items import Item, Workflow, mask_of, union
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.support_steps import closure, works_in
from stormproof.suites.workflows.optimum.trial_run import (
    Ran,
    enablers,
    same_place,
    superfluous,
    trial_run,
)
from stormproof.suites.workflows.tasks import small_sibling
from stormproof.suites.workflows.tools import CATALOGUE

Demands = tuple[tuple[int, ...], ...]


class Part(Struct, frozen=True):
    """A tool call of the best agent: for the solution's step at `place`, or (None) a useful other.

    Several parts of one place are different ways to do it. `after` are places of which something
    must be done first: of each group one.
    """

    tool: str
    place: int | None
    after: Demands = ()


_EXAMINERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]] = MappingProxyType(
    {
        "data_processing_filter": lambda asked: None if asked.get("unique") else {},
        "data_processing_validator": lambda asked: {
            "required": list(asked.get("filled", ())),
            "unique": list(asked.get("unique", ())),
        },
        "network_validator": lambda asked: (
            None if asked.get("unique") else {"required": list(asked.get("filled", ()))}
        ),
        "computation_analyzer": lambda _: {},
    }
)
"""Tool → its arguments, besides the data, to look for what a `checked` check asks; None: cannot."""


def examination(task: Task, ran: Ran, tool: str) -> dict[str, Any] | None:
    """The arguments with which another tool does the step's looking; None where it cannot.

    Nothing else than looking can be done by another.
    """
    checks = [task.checks[number] for number in ran.changes]
    if len(checks) != 1 or checks[0].kind != "checked" or "input" not in ran.given.arguments:
        return None
    arguments = _EXAMINERS[tool](checks[0].expected)
    return None if arguments is None else {"input": ran.given.arguments["input"], **arguments}


class Survey(Struct, frozen=True):
    """What one trial run of a solution tells of all tasks of its kind.

    `parts` are those that full success needs, in the solution's order. `inputs` are, of each step,
    the place of the one whose result it took as its input, and that result's handle ("": of none).
    """

    parts: tuple[Part, ...]
    inputs: tuple[tuple[int, str], ...]


def required_parts(task: Task) -> tuple[Part, ...]:
    """The parts that full success needs."""
    return survey(task).parts


@once_per_kind
def survey(task: Task) -> Survey:
    """The survey of a task's kind, made on few records where that kind can be had with few."""
    small = small_sibling(task)
    own = small if small.structure == task.structure else task
    ran = trial_run(own)
    inputs = tuple((max(each.feeders, default=0), each.input) for each in ran)
    return Survey(_ways(own, ran), inputs)


def _ways(task: Task, ran: Sequence[Ran]) -> tuple[Part, ...]:
    """All ways to do the required steps."""
    hangs = _required(task, ran)
    parts: list[Part] = []
    for at in sorted(hangs):
        others = [t for t in _EXAMINERS if examination(task, ran[at], t) is not None]
        tools = dict.fromkeys((ran[at].step.tool, *others))
        parts += [Part(tool, at, tuple(sorted(hangs[at]))) for tool in tools]
    return tuple(parts)


def _required(task: Task, ran: Sequence[Ran]) -> dict[int, set[tuple[int, ...]]]:
    """The places of required steps, each with what must come before it."""
    hangs: dict[int, set[tuple[int, ...]]] = {}

    def require(at: int) -> None:
        if at not in hangs:
            hangs[at] = {(place,) for place in _informants(ran, at)}
            hangs[at] |= set(enablers(task, at))
            for group in hangs[at]:
                for place in group:
                    require(place)

    effects = [at for at, each in enumerate(ran) if each.changes]
    for at in effects:
        require(at)
        hangs[at] |= {(o,) for o in effects if o < at and same_place(task, ran[o], ran[at])}
    wanted = {place for groups in hangs.values() for group in groups for place in group}
    for at in superfluous(task, ran, sorted(hangs)):
        if at not in wanted:
            del hangs[at]
    return hangs


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
    required = _without_worse_ways(required_parts(task))
    ready = {part.tool for part in required if not part.after}
    useful = [t for t in closure(part.tool for part in required) if t not in ready]
    return (*required, *(Part(tool, None) for tool in useful if works_in(task, tool)))


def _without_worse_ways(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Without ways to do a step that need more than another one and support nothing themselves."""
    supports = set(closure(part.tool for part in parts))

    def is_worse(part: Part, other: Part) -> bool:
        if part.place != other.place or part == other or part.tool in supports:
            return False
        needs, fewer = (set(CATALOGUE[each.tool].spec.needs) for each in (part, other))
        return fewer < needs or (fewer == needs and parts.index(other) < parts.index(part))

    return tuple(p for p in parts if not any(is_worse(p, other) for other in parts))


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
    tools = [part.tool for part in parts]
    places = {p.place: mask_of(_places([q.place for q in parts], p.place)) for p in parts}
    items = tuple(_item(part, tools, places, weather) for part in parts)
    goal = tuple(mask for place, mask in places.items() if place is not None)
    workflow = Workflow(items, goal, quiet=weather == "silent")
    if weather == "ambiguous":
        return with_unseen_work(workflow)
    if trouble is not None and trouble.tool in tools:
        return (_waiting if trouble.until else _down)(workflow, tools, trouble)
    return workflow


def _item(
    part: Part, tools: Sequence[str], places: Mapping[int | None, int], weather: WeatherMode
) -> Item:
    spec = CATALOGUE[part.tool].spec
    is_required = part.place is not None  # others are called for the sake of being seen to succeed
    unseen = EFFECT_SHARE / len(drawable(spec.errors)) if weather == "ambiguous" else 0.0
    return Item(
        hard=tuple(union(places[place] for place in group) for group in part.after),
        needs=tuple(mask_of(_places(tools, need)) for need in spec.needs),
        unseen=unseen if is_required else 0.0,
        quiet=weather == "silent" and part.tool in FALSIFIABLE,
    )


def with_unseen_work(workflow: Workflow) -> Workflow:
    """With an item more for each that others need: its work done unseen, which meets no need."""
    needed = union(mask for item in workflow.items for mask in item.needs)
    for at, item in enumerate(workflow.items):
        if item.unseen and needed >> at & 1:
            alone = len(workflow.items)
            workflow = _with_twin(workflow, at, Item(hard=(0,)))
            items = list(workflow.items)
            items[at] = replace(item, hard=items[at].hard, alone=alone)
            workflow = replace(workflow, items=tuple(items))
    return workflow


def _down(workflow: Workflow, tools: Sequence[str], trouble: Trouble) -> Workflow:
    """Where a tool never works: it can never be called, and meets no need."""
    dead = _places(tools, trouble.tool)
    items = [
        replace(item, needs=tuple(mask & ~mask_of(dead) for mask in item.needs))
        for item in workflow.items
    ]
    for at in dead:
        items[at] = replace(items[at], hard=(0,))
    return replace(workflow, items=tuple(items))


def _waiting(workflow: Workflow, tools: Sequence[str], trouble: Trouble) -> Workflow:
    """With the call that is told what the tool waits for, and the one that it waits for.

    A required call of the awaited tool may be that one too, if it is made after being told: then a
    twin of its item stands for it.
    """
    told = 1 << len(tools)
    demanded = union((*workflow.goal, *(m for item in workflow.items for m in item.hard)))
    twins = [at for at in _places(tools, trouble.until) if demanded >> at & 1]
    freed = sum(told << number + 1 for number in range(len(twins) + 1))
    items = [
        replace(item, hard=(*item.hard, freed)) if tool == trouble.tool else item
        for item, tool in zip(workflow.items, tools, strict=True)
    ]
    more = (Item(blocked=True), Item(hard=(told,)))
    workflow = replace(workflow, items=(*items, *more))
    for at in twins:
        item = workflow.items[at]
        workflow = _with_twin(workflow, at, replace(item, hard=(*item.hard, told)))
    return workflow


def _with_twin(workflow: Workflow, at: int, twin: Item) -> Workflow:
    """With an item more that does for the goal, and for those that come after, what one does."""
    bit, other = 1 << at, 1 << len(workflow.items)

    def widened(masks: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(mask | other if mask & bit else mask for mask in masks)

    items = [replace(item, hard=widened(item.hard)) for item in workflow.items]
    return replace(workflow, items=(*items, twin), goal=widened(workflow.goal))


def _places(values: Sequence[object], value: object) -> list[int]:
    return [at for at, each in enumerate(values) if each == value]
