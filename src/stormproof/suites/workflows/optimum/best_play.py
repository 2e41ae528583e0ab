"""The plan shown in prompts, the ceiling shown in reports, and the best next tool call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Step, Task
from stormproof.suites.workflows.optimum.decision_process import FILLER, solve
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.solution_forms import GivenInput, natural, with_input
from stormproof.suites.workflows.optimum.support_steps import support_steps
from stormproof.suites.workflows.optimum.workflow import Workflow, free_workflow, planned_workflow

SAFE_STEP = Step("utility_helper", {}, "Look around, which nothing depends on")
"""A tool call that changes nothing and needs nothing: the solver's filler."""


@once_per_kind
def ceiling(task: Task, rate: float, max_turns: int, weather_mode: WeatherMode = "before") -> float:
    """The best chance of full success that any agent could have, in [0, 1].

    It is reached by `Guide`, and is an upper bound for every agent: required steps may come
    in any order that the score and the World allow, even with data worked out by heart.
    """
    return solve(free_workflow(task, weather_mode).items, rate, max_turns).value


def optimal_plan(task: Task, rate: float, max_turns: int) -> tuple[Step, ...]:
    """The tool calls that the best agent makes if every one succeeds, in order, with arguments.

    The best among those that take the solution's steps in their order, so that it reads well.
    """
    steps = (*task.solution, *support_steps(task))
    calls = _best_calls(task, rate, max_turns)
    return tuple(with_input(steps[place], given) for place, given in calls) or task.solution


@once_per_kind
def _best_calls(task: Task, rate: float, max_turns: int) -> tuple[tuple[int, GivenInput], ...]:
    """Tool calls as places in the planned workflow; none where the budget is too small for all."""
    workflow = planned_workflow(task)
    solution = solve(workflow.items, rate, max_turns)
    places: list[int] = []
    done = 0
    while (action := solution.action(max_turns - len(places), done, 0)) >= 0:
        places.append(action)
        done |= 1 << action
        if len(places) == max_turns:
            break
    if not set(range(len(task.solution))) <= set(places):
        return ()
    inputs = natural(task, [workflow.steps[place] for place in places])
    return tuple(zip(places, inputs, strict=True))


class Called(Protocol):
    """A tool call that was made, and what the agent was shown of it: an Execution, or as little."""

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
        """The best next tool call after these; None when nothing is left to do or to hope for.

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
