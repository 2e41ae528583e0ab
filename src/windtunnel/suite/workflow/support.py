"""Useful calls that a task does not require, and what a repeated call does to its goal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from windtunnel.domain.tasks import Step, Task
from windtunnel.suite.goals import goal_met
from windtunnel.suite.tools import CATALOGUE, run_tool
from windtunnel.suite.world import World

PURPOSES = {
    "data_processing_parser": "Parse the data, so that later steps find it in order",
    "data_processing_transformer": "Bring the data into shape, so that later steps find it so",
    "data_processing_aggregator": "Add up the records, so that the analysis rests on totals",
    "network_validator": "Check that the payload is ready to go out",
    "network_monitor": "Check that the addresses answer",
    "computation_analyzer": "Look at the figures before telling anybody",
    "integration_authenticator": "Open a session with the service",
}
_SAMPLE = [{"sample": 1}]
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "data_processing_parser": {"input": '[{"sample": 1}]'},
    "data_processing_transformer": {"input": _SAMPLE},
    "data_processing_aggregator": {"input": _SAMPLE},
    "network_validator": {"input": _SAMPLE},
    "computation_analyzer": {"input": _SAMPLE},
}
"""Arguments that work in every World: the weather asks for a success, not for a use of it."""


def support_steps(task: Task) -> tuple[Step, ...]:
    """The dependencies, near and far, of the solution's tools that can succeed in this task."""
    used = [step.tool for step in task.solution]
    steps = (_step(tool) for tool in closure(used) if tool not in used)
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


def _step(tool: str) -> Step:
    return Step(tool, _ARGUMENTS.get(tool, {}), PURPOSES.get(tool, ""))
