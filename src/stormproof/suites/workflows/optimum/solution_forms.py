"""Forms of a task's solution: with inputs left open, named, or given as data.

Calls that leave their input open work on the latest fitting result, so they hang on what came
before. Naming each input by its handle frees a call of what others made since; giving the data
itself frees it of order altogether, as for an agent that works a result out in its head.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.tasks import Step, Task
from stormproof.suites.workflows.goals import standing
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.world import Kind, Result, World

GivenInput = str | None
"""A tool call's input: a handle, nothing but defaults (BARE), or (None) as its step says."""

BARE = ""


class Traced(Struct, frozen=True):
    """A step as it ran: the place of the step whose result it took (None: of none), its data."""

    step: Step
    fed_by: int | None
    handle: str
    data: Any

    @property
    def named(self) -> Step:
        """The step with its input's handle."""
        return self._with(self.handle) if self.fed_by is not None else self.step

    @property
    def given(self) -> Step:
        """The step with its input's data."""
        return self._with(self.data) if self.fed_by is not None else self.step

    def _with(self, value: Any) -> Step:
        return replace(self.step, arguments={**self.step.arguments, "input": value})


class FreeForm(Struct, frozen=True):
    """The solution's steps with as much data given as still reaches the goal.

    `after[at]` are the steps that must come before a step for anybody: those that it cannot work
    without, and where it bears on the goal, those that its data first came from.
    """

    steps: tuple[Step, ...]
    after: tuple[frozenset[int], ...]


def trace(task: Task) -> tuple[Traced, ...]:
    """Run the solution and see which results its tool calls take."""
    world = _Watched(task)
    makers: dict[str, int] = {}
    traced = []
    for at, step in enumerate(task.solution):
        world.forget()
        result = run_tool(world, step.tool, step.arguments)
        taken = world.taken if _takes_input(step) else None
        fed_by = makers.get(taken.handle) if taken else None
        handle, data = (taken.handle, taken.value) if taken else ("", None)
        traced.append(Traced(step, fed_by, handle, data))
        if result.handle:
            makers[result.handle] = at
    return tuple(traced)


def free_form(task: Task) -> FreeForm:
    """The solution for an agent that knows all that it has read."""
    traced = trace(task)
    steps = [each.given for each in traced]
    if not reaches_goal(task, steps):
        steps = _as_free_as_can_be(task, traced)
    after = [_after(task, traced, steps, at) for at in range(len(steps))]
    return FreeForm(tuple(steps), tuple(after))


def _as_free_as_can_be(task: Task, traced: Sequence[Traced]) -> list[Step]:
    """Data given step by step, wherever the goal is still reached."""
    steps = [each.named for each in traced]
    for at, each in enumerate(traced):
        tried = [*steps[:at], each.given, *steps[at + 1 :]]
        if reaches_goal(task, tried):
            steps = tried
    return steps


def natural(task: Task, plan: Sequence[Step]) -> tuple[GivenInput, ...]:
    """The most natural form of a plan that reaches the goal when every tool call succeeds.

    `plan` holds the task's solution and support steps. They are called bare, if that works; else
    every input of the solution is named; else support steps also keep their sample data, which
    works whenever the solution does.
    """
    bare = tuple(None if step in task.solution else BARE for step in plan)
    if _works(task, plan, bare):
        return bare
    named = {id(each.step): each.handle for each in trace(task) if each.fed_by is not None}
    inputs = tuple(named.get(id(step), given) for step, given in zip(plan, bare, strict=True))
    if _works(task, plan, inputs):
        return inputs
    return tuple(given or None for given in inputs)


def with_input(step: Step, given: GivenInput) -> Step:
    """The step as it is called: as it stands, bare, or with the named result as its input."""
    if given is None:
        return step
    return replace(step, arguments={**step.arguments, "input": given} if given else {})


def _works(task: Task, plan: Sequence[Step], inputs: Sequence[GivenInput]) -> bool:
    return reaches_goal(task, [with_input(*each) for each in zip(plan, inputs, strict=True)])


def spoiled_by_repeats(task: Task, steps: Sequence[Step]) -> frozenset[int]:
    """The steps that, done twice, keep the goal from being met."""
    doubled = ([*steps[: at + 1], *steps[at:]] for at in range(len(steps)))
    return frozenset(at for at, plan in enumerate(doubled) if not reaches_goal(task, plan))


def reaches_goal(task: Task, plan: Iterable[Step]) -> bool:
    """Whether every step succeeds in the World, and the goal holds at the end."""
    world = World(task)
    done = all(run_tool(world, step.tool, step.arguments).ok for step in plan)
    return done and standing(world).is_full


def _after(task: Task, traced: Sequence[Traced], steps: Sequence[Step], at: int) -> frozenset[int]:
    alone = run_tool(World(task), steps[at].tool, steps[at].arguments).ok
    needed = set() if alone else _needed(task, steps, at)
    source = _source(traced, at)
    others = [step for place, step in enumerate(steps) if place != at]
    if source is not None and not _goal_without(task, others):
        needed.add(source)
    return frozenset(needed)


def _goal_without(task: Task, others: Iterable[Step]) -> bool:
    world = World(task)
    for step in others:
        run_tool(world, step.tool, step.arguments)
    return standing(world).is_full


def _source(traced: Sequence[Traced], at: int) -> int | None:
    """The step that the data of this one first came from; None where it took none."""
    place = traced[at].fed_by
    while place is not None and traced[place].fed_by is not None:
        place = traced[place].fed_by
    return place


def _needed(task: Task, steps: Sequence[Step], at: int) -> set[int]:
    """The earlier steps without any one of which this step fails."""
    needed = set()
    for left_out in range(at):
        world = World(task)
        for place in range(at):
            if place != left_out:
                run_tool(world, steps[place].tool, steps[place].arguments)
        if not run_tool(world, steps[at].tool, steps[at].arguments).ok:
            needed.add(left_out)
    return needed


def _takes_input(step: Step) -> bool:
    properties = CATALOGUE[step.tool].spec.parameters["properties"]
    return "input" in properties


class _Watched(World):
    """A World that notes which result a tool call takes."""

    __slots__ = ("taken",)

    taken: Result | None

    def forget(self) -> None:
        self.taken = None

    def latest(self, kinds: tuple[Kind, ...]) -> Result | None:
        self.taken = super().latest(kinds)
        return self.taken

    def named(self, name: str) -> Result | None:
        self.taken = super().named(name)
        return self.taken
