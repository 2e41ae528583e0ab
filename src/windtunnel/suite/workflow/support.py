"""Useful calls that a task does not require, and forms of a plan that reach the goal with them.

A dependency's call may change what "the latest fitting result" is. So a plan with such calls has
three forms, each safer and less natural than the one before: bare calls; bare calls with every
input of the solution named; and calls on sample data, with every input named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from windtunnel.domain.tasks import Step, Task
from windtunnel.suite.goals import goal_met
from windtunnel.suite.tools import CATALOGUE, run_tool
from windtunnel.suite.world import Kind, Result, World

_SAMPLE = [{"sample": 1}]
_SAMPLES: dict[str, dict[str, Any]] = {
    "data_processing_parser": {"input": '[{"sample": 1}]'},
    "data_processing_transformer": {"input": _SAMPLE},
    "data_processing_aggregator": {"input": _SAMPLE},
    "network_validator": {"input": _SAMPLE},
    "computation_analyzer": {"input": _SAMPLE},
}
"""Arguments that work in every World: the weather asks for a success, not for a use of it."""

_WORDS = {
    "data_processing_parser": (
        "Parse the data, so that later steps find it in order",
        "the data at hand",
        "the data in parsed form",
    ),
    "data_processing_transformer": (
        "Tidy up names and texts, so that later steps can rely on them",
        "the data at hand",
        "the data, tidied up",
    ),
    "data_processing_aggregator": (
        "Sum up the records, so that the analysis can rely on the totals",
        "the data at hand",
        "a summary of the records",
    ),
    "network_validator": (
        "Check that the payload is ready to go out",
        "the data at hand",
        "a report on the payload",
    ),
    "network_monitor": (
        "Check that the addresses answer",
        "the known addresses",
        "a report on the addresses",
    ),
    "computation_analyzer": (
        "Look at the figures before they are told to anybody",
        "the data at hand",
        "a description of the figures",
    ),
    "integration_authenticator": (
        "Open a session with the service",
        "the credentials at hand",
        "a session with the service",
    ),
}


def support_steps(task: Task) -> tuple[Step, ...]:
    """The dependencies, near and far, of the solution's tools that can succeed in this task.

    Their arguments are samples, which work at any time.
    """
    used = [step.tool for step in task.solution]
    steps = (_sampled(tool) for tool in closure(used) if tool not in used)
    return tuple(step for step in steps if run_tool(World(task), step.tool, step.arguments).ok)


def closure(tools: Iterable[str]) -> tuple[str, ...]:
    """All that the tools depend on, near and far, dependencies first."""
    found: dict[str, None] = {}

    def visit(tool: str) -> None:
        for need in CATALOGUE[tool].spec.needs:
            visit(need)
            found.setdefault(need)

    for tool in tools:
        visit(tool)
    return tuple(found)


def natural(task: Task, plan: Sequence[Step]) -> tuple[Step, ...]:
    """The most natural form of a plan that reaches the goal when every call succeeds.

    `plan` holds the task's solution and support steps; the safest form works whenever the
    solution does.
    """
    bare = tuple(s if s in task.solution else replace(s, arguments={}) for s in plan)
    if reaches_goal(task, bare):
        return bare
    named = dict(zip(map(id, task.solution), pinned(task), strict=True))
    bare_named = tuple(named.get(id(s), replace(s, arguments={})) for s in plan)
    if reaches_goal(task, bare_named):
        return bare_named
    return tuple(named.get(id(s), s) for s in plan)


def pinned(task: Task) -> tuple[Step, ...]:
    """The solution with the handle of each input that its calls leave to the latest result."""
    world = _Watched(task)
    steps = []
    for step in task.solution:
        world.taken = ""
        run_tool(world, step.tool, step.arguments)
        takes = "input" in CATALOGUE[step.tool].spec.parameters["properties"]
        if takes and world.taken and "input" not in step.arguments:
            steps.append(replace(step, arguments={**step.arguments, "input": world.taken}))
        else:
            steps.append(step)
    return tuple(steps)


class _Watched(World):
    """A World that notes which result a call takes for the latest."""

    __slots__ = ("taken",)

    def latest(self, kinds: tuple[Kind, ...]) -> Result | None:
        found = super().latest(kinds)
        self.taken = found.handle if found else ""
        return found


def spoiled_by_repeats(task: Task) -> frozenset[int]:
    """The solution's steps that, done twice, keep the goal from being met."""
    steps = range(len(task.solution))
    return frozenset(at for at in steps if not reaches_goal(task, _doubled(task.solution, at)))


def reaches_goal(task: Task, plan: Iterable[Step]) -> bool:
    """Whether every step succeeds in the World, and the goal holds at the end."""
    world = World(task)
    done = all(run_tool(world, step.tool, step.arguments).ok for step in plan)
    return done and goal_met(world, task.checks)


def _doubled(plan: tuple[Step, ...], at: int) -> tuple[Step, ...]:
    return (*plan[: at + 1], *plan[at:])


def _sampled(tool: str) -> Step:
    purpose, reads, makes = _WORDS.get(tool, (CATALOGUE[tool].spec.description, "", ""))
    return Step(tool, _SAMPLES.get(tool, {}), purpose, reads, makes)
