"""Figures of the planner: against a search that tries everything, and against its own play."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from random import Random

from brute_force import best_chance, calls_for, random_workflow, times_won
from stormproof.domain.conditions import WEATHER_MODES, Condition, WeatherMode
from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.domain.tasks import Execution, Task, Trouble
from stormproof.domain.trials import seed_of
from stormproof.suites import Weathered
from stormproof.suites.weather import befalling
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import Guide, own_turns, troubles
from stormproof.suites.workflows.optimum.decision_process import Policy, is_exact, value
from stormproof.suites.workflows.optimum.workflow import free_workflow, parts_of
from stormproof.suites.workflows.tasks import small_sibling
from suite_tasks import RATES, Figure, all_tasks

SMALL, LARGE = 200, 40
EPISODES = 10_000
EPISODES_IN_WORLDS = 100
_SURE = 2.576  # standard errors that hold 99 % of all samples


def brute_force() -> Iterator[Figure]:
    """Random workflows of all kinds, solved twice."""
    rng = Random(0)
    most = 0.0
    for _ in range(SMALL):
        workflow, tools = random_workflow(rng)
        rate, calls = rng.choice((0.1, *RATES, 1.0)), calls_for(workflow, rng)
        found = value(workflow, rate, calls)
        most = max(most, abs(found - best_chance(workflow, tools, rate, calls)))
    yield {"figure": "suite.brute_force", "workflows": SMALL, "greatest_difference": most}


def simulation() -> Iterator[Figure]:
    """The planner's own policy, played against drawn weather: without Worlds, and in them."""
    for weather in WEATHER_MODES:
        yield _reached("policy", weather, list(_without_worlds(weather)))
        yield _reached("guide", weather, list(_in_worlds(weather)))


@functools.cache
def _large_tasks() -> list[Task]:
    """The tasks with the most parts, one of each structure."""
    found = {task.structure: task for task in all_tasks()}
    ranked = sorted(found.values(), key=lambda task: (-len(parts_of(task)), task.task_id))
    return ranked[:LARGE]


Sample = tuple[float, int, int]
"""A value, the episodes played, and those of them that reached the goal."""


def _without_worlds(weather: WeatherMode) -> Iterator[Sample]:
    for number, task in enumerate(_large_tasks()):
        trouble = (troubles(task, weather) or (None,))[0]
        workflow = free_workflow(task, weather, trouble)
        if not is_exact(workflow):
            continue
        turns, tools = own_turns(task, weather), _tools(task, trouble)
        policy = Policy(workflow, RATES[-1], turns)
        won = times_won(policy, workflow, tools, RATES[-1], episodes=EPISODES, seed=number)
        yield policy.value, EPISODES, won


def _tools(task: Task, trouble: Trouble | None) -> list[str]:
    tools = [part.tool for part in parts_of(task)]
    if trouble is None or not trouble.until or trouble.tool not in tools:
        return tools
    required = [part.tool for part in parts_of(task) if part.place is not None]
    twins = [tool for tool in required if tool == trouble.until]
    return [*tools, trouble.tool, trouble.until, *twins]


def _with_few_records(task: Task) -> Task:
    """A task of the same structure in whose World a call takes less time, where there is one."""
    small = small_sibling(task)
    return small if small.structure == task.structure else task


def _in_worlds(weather: WeatherMode) -> Iterator[Sample]:
    for task in map(_with_few_records, _large_tasks()):
        turns = own_turns(task, weather)
        for trouble in troubles(task, weather) or (None,):
            if not is_exact(free_workflow(task, weather, trouble)):
                continue
            guide = Guide(task, RATES[-1], turns, weather, trouble)
            seeds = [seed_of("planner", task.task_id, n) for n in range(EPISODES_IN_WORLDS)]
            own = [s for s in seeds if befalling(s, troubles(task, weather)) == trouble]
            won = sum(_guided(task, guide, weather, turns, seed) for seed in own)
            yield guide.value, len(own), won


def _guided(task: Task, guide: Guide, weather: WeatherMode, turns: int, seed: int) -> bool:
    """The guide in a World, told what no agent can see."""
    condition = Condition("baseline", task.difficulty, RATES[-1], weather=weather, max_turns=turns)
    weathered = Weathered(WORKFLOWS, task, condition, seed)
    done: list[Execution] = []
    while step := guide.next_step([outcome(each) for each in done]):
        done.append(weathered.call(step.tool, step.arguments))
        if len(done) == turns or _gave_up(done):
            break
    return weathered.standing.goal_met and not weathered.standing.collateral


def _gave_up(done: Sequence[Execution]) -> bool:
    last = [call.ok for call in done[-FAILURES_IN_A_ROW:]]
    return len(last) == FAILURES_IN_A_ROW and not any(last)


def outcome(execution: Execution) -> tuple[bool, bool]:
    """Whether a call looked like a success, and whether it did its work.

    A call whose tool waits for another works by being refused: it is told for which.
    """
    refused = execution.cause == "weather" and execution.probability == 0
    return execution.ok, refused or (execution.took_effect and not execution.tampered)


def _reached(what: str, weather: str, samples: Sequence[Sample]) -> Figure:
    """Successes against the sum of the chances."""
    expected = sum(chance * count for chance, count, _ in samples)
    spread = math.sqrt(sum(chance * (1 - chance) * count for chance, count, _ in samples))
    distances = [
        (won - chance * count) / math.sqrt(chance * (1 - chance) * count)
        for chance, count, won in samples
        if 0 < chance < 1 and count
    ]
    played_ = sum(count for _, count, _ in samples)
    return {
        "figure": "suite.planner",
        "player": what,
        "weather": weather,
        "tasks": len(samples),
        "episodes": played_,
        "success": round(sum(won for *_, won in samples) / played_, 4),
        "value": round(expected / played_, 4),
        "standard_errors_away": round((sum(won for *_, won in samples) - expected) / spread, 2),
        "beyond_99": sum(abs(distance) > _SURE for distance in distances),
    }
