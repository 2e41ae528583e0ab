"""A task as a workflow: its items, what each depends on, and the tool call that each stands for."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Step, Task
from stormproof.suites.weather import EFFECT_SHARE, drawable
from stormproof.suites.workflows.optimum.decision_process import Item
from stormproof.suites.workflows.optimum.solution_forms import free_form, spoiled_by_repeats
from stormproof.suites.workflows.optimum.support_steps import support_steps
from stormproof.suites.workflows.tools import CATALOGUE


class Workflow(Struct, frozen=True):
    """Items for the solver, and the step of each: the solution's steps, then useful others."""

    items: tuple[Item, ...]
    steps: tuple[Step, ...]


def planned_workflow(task: Task) -> Workflow:
    """The task's workflow with the solution's steps in their own order, as a plan shows them."""
    steps = (*task.solution, *support_steps(task))
    before = [frozenset({at - 1}) if at else frozenset() for at in range(len(task.solution))]
    return Workflow(_items(steps, before, frozenset()), steps)


def free_workflow(task: Task, weather: WeatherMode = "before") -> Workflow:
    """The task's workflow with all the freedom that any agent has.

    Useful others are the dependencies, near and far, of the solution's tools. A required tool
    must come after the required ones that it depends on, for the score says so, and a call after
    those that it cannot do without (`forms.FreeForm`). Other dependencies only raise chances.
    """
    free = free_form(task)
    fragile = spoiled_by_repeats(task, free.steps) if weather == "ambiguous" else frozenset[int]()
    steps = (*free.steps, *support_steps(task))
    return Workflow(_items(steps, free.after, fragile), steps)


def _items(
    steps: Sequence[Step], before: Sequence[frozenset[int]], fragile: frozenset[int]
) -> tuple[Item, ...]:
    places: dict[str, int] = {}
    for at, step in enumerate(steps):
        places.setdefault(step.tool, at)
    items = []
    for at, step in enumerate(steps):
        spec = CATALOGUE[step.tool].spec
        met = {places[need] for need in spec.needs if need in places}
        required = at < len(before)
        must = before[at] | {place for place in met if place < len(before)} if required else ()
        items.append(
            Item(
                required=required,
                hard=_mask(must),
                soft=_mask(met),
                never=len(spec.needs) - len(met),
                spoils=EFFECT_SHARE / len(drawable(spec.errors)) if at in fragile else 0.0,
            )
        )
    return tuple(items)


def _mask(places: frozenset[int] | set[int] | tuple[()]) -> int:
    return sum(1 << place for place in places)
