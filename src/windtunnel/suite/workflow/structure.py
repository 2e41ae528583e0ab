"""A task as a workflow: its items, what each depends on, and the call that each stands for."""

from __future__ import annotations

from msgspec import Struct

from windtunnel.domain.conditions import WeatherMode
from windtunnel.domain.tasks import Step, Task
from windtunnel.suite.tools import CATALOGUE
from windtunnel.suite.weather import EFFECT_SHARE, drawable
from windtunnel.suite.workflow.solving import Item
from windtunnel.suite.workflow.support import spoiled_by_repeats, support_steps


class Workflow(Struct, frozen=True):
    """Items for the solver, and the step of each: the solution's steps, then useful others."""

    items: tuple[Item, ...]
    steps: tuple[Step, ...]


def workflow_of(task: Task, *, weather: WeatherMode = "before", in_order: bool = False) -> Workflow:
    """The task's workflow.

    Useful others are the dependencies, near and far, of the solution's tools. A required tool
    must come after the required ones that it depends on (the score says so); other dependencies
    only raise chances. With `in_order` the solution's steps keep their order, as their data asks;
    without, they may come in any order that the score allows, which no agent can better.
    """
    steps = (*task.solution, *support_steps(task))
    places: dict[str, int] = {}
    for at, step in enumerate(steps):
        places.setdefault(step.tool, at)
    fragile = spoiled_by_repeats(task) if weather == "ambiguous" else frozenset()
    count = len(task.solution)
    items = [
        _item(at, steps, places, count, in_order=in_order, fragile=at in fragile)
        for at in range(len(steps))
    ]
    return Workflow(tuple(items), steps)


def _item(
    at: int,
    steps: tuple[Step, ...],
    places: dict[str, int],
    count: int,
    *,
    in_order: bool,
    fragile: bool,
) -> Item:
    spec = CATALOGUE[steps[at].tool].spec
    required = at < count
    met = [places[need] for need in spec.needs if need in places]
    before = {place for place in met if place < count} if required else set()
    if required and at and in_order:
        before.add(at - 1)
    if required and places[steps[at].tool] != at:
        before.add(max(i for i in range(at) if steps[i].tool == steps[at].tool))
    return Item(
        required=required,
        hard=sum(1 << place for place in before),
        soft=sum(1 << place for place in set(met)),
        never=len(spec.needs) - len(met),
        spoils=EFFECT_SHARE / len(drawable(spec.errors)) if fragile else 0.0,
    )
