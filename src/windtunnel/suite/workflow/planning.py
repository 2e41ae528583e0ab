"""The plan shown in prompts, the ceiling shown in reports, and the best next call."""

from __future__ import annotations

from collections.abc import Sequence

from windtunnel.domain.conditions import WeatherMode
from windtunnel.domain.tasks import Execution, Step, Task
from windtunnel.suite.workflow.solving import FILLER, solve
from windtunnel.suite.workflow.structure import Workflow, workflow_of
from windtunnel.suite.workflow.support import natural, pinned

SAFE_STEP = Step("utility_helper", {}, "Look around, which nothing depends on")
"""A call that changes nothing and needs nothing: the solver's filler."""


def ceiling(task: Task, rate: float, max_turns: int, weather_mode: WeatherMode = "before") -> float:
    """The best chance of full success that any agent could have, in [0, 1].

    An upper bound for every agent: it may do the required steps in any order that the score
    allows, though the task's data may ask for a stricter one.
    """
    workflow = workflow_of(task, weather=weather_mode)
    return solve(workflow.items, rate, max_turns).value


def optimal_plan(task: Task, rate: float, max_turns: int) -> tuple[Step, ...]:
    """The calls that the best agent makes if every one succeeds, in order, with arguments."""
    workflow = workflow_of(task, in_order=True)
    solution = solve(workflow.items, rate, max_turns)
    steps: list[Step] = []
    done = 0
    while (action := solution.action(max_turns - len(steps), done, 0)) >= 0:
        steps.append(workflow.steps[action])
        done |= 1 << action
        if len(steps) == max_turns:
            break
    return natural(task, steps) if _has_all(steps, task) else task.solution


def best_step(
    task: Task,
    rate: float,
    max_turns: int,
    executions: Sequence[Execution],
    weather_mode: WeatherMode = "before",
) -> Step | None:
    """The best next call after these; None when nothing is left to do or to hope for.

    `executions` are an agent's that has followed this advice from the start, one call a turn.
    """
    workflow = workflow_of(task, weather=weather_mode, in_order=True)
    solution = solve(workflow.items, rate, max_turns)
    left = max_turns - len(executions)
    if left <= 0:
        return None
    action = solution.action(left, _done(workflow, executions), _outcomes(executions))
    if action == FILLER:
        return SAFE_STEP
    steps = (*pinned(task), *workflow.steps[len(task.solution) :])
    return steps[action] if action >= 0 else None


def _has_all(steps: Sequence[Step], task: Task) -> bool:
    return all(step in steps for step in task.solution)


def _done(workflow: Workflow, executions: Sequence[Execution]) -> int:
    """The mask of items done: the n-th success of a tool does its n-th item."""
    done = 0
    for execution in executions:
        if execution.ok:
            places = [i for i, step in enumerate(workflow.steps) if step.tool == execution.tool]
            done |= next((1 << i for i in places if not done >> i & 1), 0)
    return done


def _outcomes(executions: Sequence[Execution]) -> int:
    outcomes = 0
    for execution in executions:
        outcomes = outcomes << 1 | (not execution.ok)
    return outcomes
