"""The plan shown in prompts, the ceiling shown in reports, and the best next call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from windtunnel.domain.conditions import WeatherMode
from windtunnel.domain.tasks import Step, Task
from windtunnel.suite.workflow.forms import natural
from windtunnel.suite.workflow.solving import FILLER, Item, solve
from windtunnel.suite.workflow.structure import Workflow, free_workflow, planned_workflow

SAFE_STEP = Step("utility_helper", {}, "Look around, which nothing depends on")
"""A call that changes nothing and needs nothing: the solver's filler."""

# Many models meet the same task: what its Worlds said of its structure is small and worth keeping.
_MOST_KNOWN = 20_000
_KNOWN: dict[tuple[object, ...], tuple[Item, ...]] = {}


def ceiling(task: Task, rate: float, max_turns: int, weather_mode: WeatherMode = "before") -> float:
    """The best chance of full success that any agent could have, in [0, 1].

    It is reached by `Guide`, and is an upper bound for every agent: required steps may come
    in any order that the score and the World allow, even with data worked out by heart.
    """
    key = (task.task_id, task.description, task.required_tools, weather_mode)
    items = _KNOWN.get(key)
    if items is None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        items = _KNOWN[key] = free_workflow(task, weather_mode).items
    return solve(items, rate, max_turns).value


def optimal_plan(task: Task, rate: float, max_turns: int) -> tuple[Step, ...]:
    """The calls that the best agent makes if every one succeeds, in order, with arguments.

    The best among those that take the solution's steps in their order, so that it reads well.
    """
    workflow = planned_workflow(task)
    solution = solve(workflow.items, rate, max_turns)
    steps: list[Step] = []
    done = 0
    while (action := solution.action(max_turns - len(steps), done, 0)) >= 0:
        steps.append(workflow.steps[action])
        done |= 1 << action
        if len(steps) == max_turns:
            break
    return natural(task, steps) if _has_all(steps, task) else task.solution


class Called(Protocol):
    """A call that was made, and what the agent was told of it: an Execution, or as little."""

    @property
    def tool(self) -> str:
        """The tool's name."""

    @property
    def ok(self) -> bool:
        """Whether it succeeded, as far as the agent knows."""


class Guide:
    """The best agent: it knows the task by heart, and the weather's formula, but not its draws."""

    def __init__(
        self, task: Task, rate: float, max_turns: int, weather_mode: WeatherMode = "before"
    ) -> None:
        self._workflow = free_workflow(task, weather_mode)
        self._solution = solve(self._workflow.items, rate, max_turns)
        self._max_turns = max_turns

    def next_step(self, calls: Sequence[Called]) -> Step | None:
        """The best next call after these; None when nothing is left to do or to hope for.

        `calls` are those of an agent that has followed this guide from the start.
        """
        left = self._max_turns - len(calls)
        if left <= 0:
            return None
        done, outcomes = _done(self._workflow, calls), _outcomes(calls)
        action = self._solution.action(left, done, outcomes)
        if action == FILLER:
            return SAFE_STEP
        return self._workflow.steps[action] if action >= 0 else None


def _has_all(steps: Sequence[Step], task: Task) -> bool:
    return all(step in steps for step in task.solution)


def _done(workflow: Workflow, calls: Sequence[Called]) -> int:
    """The mask of items done: the n-th success of a tool does its n-th item."""
    done = 0
    for call in calls:
        if call.ok:
            places = [i for i, step in enumerate(workflow.steps) if step.tool == call.tool]
            done |= next((1 << i for i in places if not done >> i & 1), 0)
    return done


def _outcomes(calls: Sequence[Called]) -> int:
    outcomes = 0
    for call in calls:
        outcomes = outcomes << 1 | (not call.ok)
    return outcomes
