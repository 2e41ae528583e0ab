"""The plan that prompts show, and the turns that a task gets for it.

The plan is the solution, in its own order so that it reads well, with those useful calls put in
that give an agent the best chance which works through it and repeats each step until it succeeds.

A task's own turn budget is the smallest number of turns in which that agent succeeds with
`SURE_ENOUGH` chance at `REFERENCE_RATE`. So a plan of three steps and one of twenty are equally
likely to be completed, and levels differ by what an agent has to find out. Under the kinds of
weather that ask for more than repeating (`EXTRA_TURNS`), a few turns come on top: to look what was
done, to read again, to find another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from stormproof.domain.conditions import Condition, WeatherMode
from stormproof.domain.tasks import Step, Task
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.persistence import best_tools, turns_for
from stormproof.suites.workflows.optimum.support_steps import at_hand, useful_tools
from stormproof.suites.workflows.optimum.workflow import survey

REFERENCE_RATE = 0.8
SURE_ENOUGH = 0.95
MOST_TURNS = 100
EXTRA_TURNS: Mapping[WeatherMode, int] = MappingProxyType(
    {"before": 0, "ambiguous": 2, "silent": 3, "outage": 3, "sticky": 3}
)


def turn_budget(task: Task, condition: Condition) -> int:
    """The turns that an episode may take: the condition's own number, else the task's."""
    return condition.max_turns or own_turns(task, condition.weather)


@once_per_kind
def own_turns(task: Task, weather: WeatherMode = "before") -> int:
    """The task's own turn budget."""
    tools, useful = _tools(task), useful_tools(task)
    turns = turns_for(tools, useful, REFERENCE_RATE, chance=SURE_ENOUGH, most=MOST_TURNS)
    return turns + EXTRA_TURNS[weather]


def optimal_plan(task: Task, rate: float, max_turns: int) -> tuple[Step, ...]:
    """The best plan for a rate and a number of turns, with arguments.

    Carried out as it stands it reaches the goal when every tool call succeeds: a step that takes
    the latest result names it where a useful call comes between.
    """
    tools = best_tools(_tools(task), useful_tools(task), rate, max_turns)
    if len(tools) == len(task.solution):
        return task.solution
    plan, places = _merged(task, tools)
    inputs = survey(task).inputs
    for step, place, (feeder, handle) in zip(task.solution, places, inputs, strict=True):
        after = tuple(places[at] for at in step.after)
        plan[place] = replace(step, after=after)
        if handle and place - places[feeder] > places.index(place) - feeder:
            arguments = {**step.arguments, "input": handle}
            plan[place] = replace(plan[place], arguments=arguments)
    return tuple(plan)


def _tools(task: Task) -> tuple[str, ...]:
    return tuple(step.tool for step in task.solution)


def _merged(task: Task, tools: Sequence[str]) -> tuple[list[Step], list[int]]:
    """The solution with useful calls where `tools` has them, and where its own steps now stand."""
    plan: list[Step] = []
    places: list[int] = []
    for tool in tools:
        if len(places) < len(task.solution) and tool == task.solution[len(places)].tool:
            places.append(len(plan))
            plan.append(task.solution[len(places) - 1])
        else:
            plan.append(_useful(task, tool, plan, len(places)))
    return plan, places


def _useful(task: Task, tool: str, before: Sequence[Step], place: int) -> Step:
    """A useful call ahead of the solution's step at `place`; a payload is checked that goes out."""
    step = at_hand(tool, before)
    _, handle = survey(task).inputs[place] if place < len(task.solution) else (0, "")
    if tool != "network_validator" or not handle:
        return step
    return replace(step, arguments={"input": handle}, reads=task.solution[place].reads)
