"""Figures of the tasks themselves: how fast they are made and planned, flaws, ceilings."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

from stormproof.backends.interpreter import tuned_interpreter
from stormproof.domain.conditions import (
    DIFFICULTIES,
    FLAWED_PREFIX,
    FLAWS,
    SEVERITIES,
    WEATHER_MODES,
    Condition,
    Difficulty,
    WeatherMode,
)
from stormproof.domain.tasks import Standing, Step, Task
from stormproof.score.measures import success
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.goals import standing
from stormproof.suites.workflows.optimum import ceiling, optimal_plan, own_turns
from stormproof.suites.workflows.optimum.persistence import chances
from stormproof.suites.workflows.optimum.workflow import required_parts
from stormproof.suites.workflows.prompts import opening, shown_plan
from stormproof.suites.workflows.tasks import DEFAULT_COUNTS, load_task, task_ids
from stormproof.suites.workflows.tasks.generate import task_and_fault
from stormproof.suites.workflows.tasks.identity import read_id
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

Figure = dict[str, object]

RATES = (0.9, 0.8, 0.7, 0.6)
_MOST_S = {"generation": 5.0, "planning": 60.0}  # the limits that the suite was given


def default_ids() -> list[str]:
    """The ids of all 5,040 tasks."""
    return [task_id for cell, n in DEFAULT_COUNTS.items() for task_id in task_ids(*cell, n)]


def all_tasks() -> list[Task]:
    """The 5,040 tasks, made anew."""
    return [load_task(task_id) for task_id in default_ids()]


def generation() -> Iterator[Figure]:
    """Seconds to make every task, on one core."""
    yield _timed("generation", [partial(load_task, task_id) for task_id in default_ids()])


def levels() -> Iterator[Figure]:
    """Of each level: steps, records of the largest source, faults, and what the solutions reach."""
    for level in DIFFICULTIES:
        made = [task_and_fault(read_id(each), 0) for each in default_ids() if f".{level}." in each]
        tasks = [task for task, _ in made]
        steps = [len(task.solution) for task in tasks]
        records = [_longest_source(task) for task in tasks]
        ends = [_standing_after(task) for task in tasks]
        yield {
            "figure": "suite.level",
            "difficulty": level,
            "tasks": len(tasks),
            "archetypes": len({task.kind for task in tasks}),
            "ways": len({tuple(step.tool for step in task.solution) for task in tasks}),
            "steps": [min(steps), round(statistics.fmean(steps), 1), max(steps)],
            "records": [min(records), statistics.median(records), max(records)],
            "with_a_fault": round(sum(bool(fault) for _, fault in made) / len(made), 3),
            "solved": sum(end.goal_met and not end.collateral for end in ends),
        }


def _longest_source(task: Task) -> int:
    texts = [*task.files.values(), *(resource.body for resource in task.resources.values())]
    return max(text.count("\n") for text in texts)


def _standing_after(task: Task) -> Standing:
    """How things stand after the task's solution, each of whose calls succeeds."""
    world = World(task)
    done = [run_tool(world, step.tool, step.arguments).ok for step in task.solution]
    return standing(world) if all(done) else Standing()


def planning() -> Iterator[Figure]:
    """Seconds for plan and ceiling of every task at rate 0.8; no structure is known before."""

    def plan(task: Task) -> None:
        turns = own_turns(task)
        optimal_plan(task, 0.8, turns)
        ceiling(task, 0.8, turns)

    yield _timed("planning", [partial(plan, task) for task in all_tasks()])


def _timed(what: str, works: list[Callable[[], object]]) -> Figure:
    spent = []
    with tuned_interpreter():  # as in a run
        for work in works:
            began = time.process_time()
            work()
            spent.append(time.process_time() - began)
    return {
        "figure": f"suite.{what}",
        "tasks": len(works),
        "seconds": round(sum(spent), 2),
        "median_ms": round(1000 * statistics.median(spent), 2),
        "most_ms": round(1000 * max(spent), 1),
        "share_of_limit": round(sum(spent) / _MOST_S[what], 3),
    }


def flaws(every: int = 1) -> Iterator[Figure]:
    """For each flaw and severity: prompts changed, and who follows it kept from success."""
    tasks = all_tasks()[::every]
    plain = {task.task_id: _user_message(task, "optimal") for task in tasks}
    for flaw in FLAWS:
        for severity in SEVERITIES:
            changed = kept = 0
            for task in tasks:
                condition = Condition(FLAWED_PREFIX + flaw, task.difficulty, 0.8, severity=severity)
                changed += opening(task, condition)[1].content != plain[task.task_id]
                kept += not _calmly_reaches(task, shown_plan(task, condition))
            yield {
                "figure": "suite.flaw",
                "flaw": flaw,
                "severity": severity,
                "prompts": len(tasks),
                "changed": changed / len(tasks),
                "kept_from_success": round(kept / len(tasks), 4),
            }


def _user_message(task: Task, prompt_type: str) -> str:
    return opening(task, Condition(prompt_type, task.difficulty, 0.8))[1].content


def _calmly_reaches(task: Task, plan: tuple[Step, ...]) -> bool:
    """Whether following the plan blindly is a full success when no tool fails."""
    weathered = Weathered(WORKFLOWS, task, Condition("optimal", task.difficulty, 1.0), 0)
    done = [weathered.call(step.tool, step.arguments) for step in plan[: own_turns(task)]]
    return success(done) == "full"


def ceilings() -> Iterator[Figure]:
    """Turns, and mean ceilings by level: at all rates, and under all kinds of weather at 0.8."""
    tasks = all_tasks()
    for difficulty in DIFFICULTIES:
        own = [task for task in tasks if task.difficulty == difficulty]
        turns = [own_turns(task) for task in own]
        steps = [len(task.solution) for task in own]
        needed = [len({part.place for part in required_parts(task)}) for task in own]
        worked = list(map(_works_through, own, turns))
        yield {
            "figure": "suite.turns",
            "difficulty": difficulty,
            "tasks": len(own),
            "steps": [min(steps), statistics.fmean(steps), max(steps)],
            "needed": round(statistics.fmean(needed), 2),
            "turns": [min(turns), statistics.fmean(turns), max(turns)],
            "works_through": round(statistics.fmean(worked), 4),
        }
        for rate in RATES:
            yield _ceiling(difficulty, own, rate, "before")
        for weather in WEATHER_MODES[1:]:
            yield _ceiling(difficulty, own, 0.8, weather)


def _works_through(task: Task, turns: int) -> float:
    """The chance at 0.8 of who works through the best plan and repeats each step."""
    plan = tuple(step.tool for step in optimal_plan(task, 0.8, turns))
    return next(itertools.islice(chances(plan, 0.8), turns - 1, None))


def _ceiling(
    difficulty: Difficulty, tasks: list[Task], rate: float, weather: WeatherMode
) -> Figure:
    found = [ceiling(task, rate, own_turns(task, weather), weather) for task in tasks]
    return {
        "figure": "suite.ceiling",
        "difficulty": difficulty,
        "weather": weather,
        "rate": rate,
        "tasks": len(found),
        "mean": round(statistics.fmean(found), 4),
        "least": round(min(found), 4),
    }
