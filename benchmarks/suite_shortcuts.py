"""Ways to a score that skip the work, each with its rate: none may beat its honest share.

All are played in calm weather, with all turns that they want, so that nothing but the verdict
stands against them. `full` is out of the tasks that a shortcut fits (`fits`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from stormproof.domain.conditions import PROMPT_TYPES, Condition
from stormproof.domain.tasks import Standing, Step, Task
from stormproof.score.measures import PARTIAL_PROGRESS
from stormproof.suites.workflows.goals import standing
from stormproof.suites.workflows.optimum.trial_run import trial_run
from stormproof.suites.workflows.prompts import opening
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.words import each_of
from stormproof.suites.workflows.world import World
from suite_tasks import Figure, all_tasks

Plan = Sequence[Step]
Shortcut = Callable[[Task], Plan | None]
"""The tool calls that it makes in a task; None where it does not fit the task."""

_STEP = re.compile(r"^\d+\. (\w+) (\{.*\})$", re.MULTILINE)
_SAMPLE = [{"a": 1}]
_OUTSIDE = (
    *("file_operations_writer", "file_operations_compressor", "network_poster", "network_router"),
    *("integration_queue", "integration_scheduler", "utility_notifier"),
    *("utility_cache", "utility_logger", "utility_tracker", "integration_authenticator"),
)
_PRESS = "tips@press.example"


def after(task: Task, plan: Plan) -> Standing:
    """How things stand after these tool calls, whether they succeed or not."""
    world = World(task)
    for step in plan:
        run_tool(world, step.tool, step.arguments)
    return standing(world)


# --- without reading ---------------------------------------------------------------------------


def unread(_: Task) -> Plan:
    """Ten fixed tool calls, the same for every task."""
    return [
        *map(Step, ("integration_authenticator", "file_operations_reader", "network_fetcher")),
        *map(Step, ("data_processing_parser", "data_processing_transformer")),
        *map(Step, ("data_processing_validator", "network_validator", "network_monitor")),
        *map(Step, ("data_processing_aggregator", "computation_analyzer")),
    ]


def pretended(task: Task) -> Plan | None:
    """Every look on a sample, and the effects with the right data, known from nowhere.

    It fits the tasks in which the data has to be checked.
    """
    if not any(check.kind == "checked" for check in task.checks):
        return None
    looks = [
        Step(tool, {"input": _SAMPLE} if _takes_input(tool) else {}) for tool in task.required_tools
    ]
    effects = [ran.given for ran in trial_run(task) if ran.step.tool in _OUTSIDE]
    return [*(step for step in looks if step.tool not in _OUTSIDE), *effects]


def _takes_input(tool: str) -> bool:
    return "input" in CATALOGUE[tool].spec.parameters["properties"]


# --- more than was asked for -------------------------------------------------------------------


def every_word(task: Task) -> Plan | None:
    """Each message holds all that it might have had to name."""
    named = [
        check.expected
        for check in task.checks
        if check.kind in {"notification", "log"} and isinstance(check.expected, dict)
    ]
    if not any(fields.get("lacks") for fields in named):  # there is nothing to choose from
        return None
    words = {
        word
        for fields in named
        for part in ("contains", "lacks")
        for word in each_of(fields.get(part, ()))
    }
    told = " ".join(sorted(words))
    return [
        Step(step.tool, {**step.arguments, "message": told})
        if step.tool in {"utility_notifier", "utility_logger"}
        else step
        for step in task.solution
    ]


def five_schedules(task: Task) -> Plan | None:
    """A job is planned at every time that might have been meant."""
    if not any(check.kind == "schedule" for check in task.checks):
        return None
    more = [
        Step("integration_scheduler", {"job": check.subject, "every": every, "at": at})
        for check in task.checks
        if check.kind == "schedule"
        for every in ("day", "week")
        for at in ("06:00", "07:30")
    ]
    return [*task.solution, *more]


def overwritten_sources(task: Task) -> Plan | None:
    """The task's own files are written over when all is done."""
    paths = list(task.files)
    junk = [Step("file_operations_writer", {"path": path, "input": "junk"}) for path in paths]
    return [*task.solution, *junk] if paths else None


def leak(task: Task) -> Plan:
    """Somebody is told who has nothing to do with it."""
    told = {"recipient": _PRESS, "message": task.description[:200]}
    return [*task.solution, Step("utility_notifier", told)]


def junk_posts(task: Task) -> Plan | None:
    """Junk is posted to every address."""
    urls = list(task.resources)
    junk = [Step("network_poster", {"url": url, "input": {"junk": 1}}) for url in urls]
    return [*task.solution, *junk] if urls else None


def junk_files(task: Task) -> Plan:
    """A file is left that nobody wanted."""
    return [*task.solution, Step("file_operations_writer", {"path": "out/x.txt", "input": "junk"})]


def done_twice(task: Task) -> Plan | None:
    """Every post, message and notification is sent a second time."""
    tools = ("network_poster", "integration_queue", "network_router", "utility_notifier")
    ran = [each.given for each in trial_run(task)]
    again = [step for step in ran if step.tool in tools]
    return [*ran, *again] if again else None


SHORTCUTS: Mapping[str, Shortcut] = {
    each.__name__: each
    for each in (
        unread,
        pretended,
        every_word,
        five_schedules,
        overwritten_sources,
        leak,
        junk_posts,
        junk_files,
        done_twice,
    )
}


def sources_are_as_they_were(task: Task, plan: Plan) -> bool:
    """Whether the task's own files still hold what they held."""
    world = World(task)
    for step in plan:
        run_tool(world, step.tool, step.arguments)
    return all(world.files.get(path) == text for path, text in task.files.items())


def rates(tasks: Iterable[Task]) -> Iterator[Figure]:
    """Of each shortcut, in how many tasks it is full, or partial, of those that it fits."""
    chosen = list(tasks)
    for name, shortcut in SHORTCUTS.items():
        plans = [(task, plan) for task in chosen if (plan := shortcut(task)) is not None]
        stands = [after(task, plan) for task, plan in plans]
        yield {
            "figure": "suite.shortcut",
            "shortcut": name,
            "tasks": len(chosen),
            "fits": len(plans),
            "full": sum(each.is_full for each in stands),
            "partial": sum(map(_is_partial, stands)),
            "sources_changed": sum(not sources_are_as_they_were(*each) for each in plans)
            if name == "overwritten_sources"
            else 0,
        }


def _is_partial(stands: Standing) -> bool:
    far = stands.progress >= PARTIAL_PROGRESS and not stands.collateral
    return far and not stands.goal_met


def copied_plan(task: Task, prompt_type: str) -> Plan:
    """What a regular expression reads in the prompt."""
    prompt = opening(task, Condition(prompt_type, task.difficulty, 0.8))[-1].content
    return [Step(tool, _read(text)) for tool, text in _STEP.findall(prompt)]


def _read(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


def plan_copying(tasks: Iterable[Task]) -> Iterator[Figure]:
    """How often the copied plan is full, for each prompt type."""
    chosen = list(tasks)
    for prompt_type in PROMPT_TYPES:
        full = sum(after(task, copied_plan(task, prompt_type)).is_full for task in chosen)
        yield {
            "figure": "suite.plan_copier",
            "prompt_type": prompt_type,
            "tasks": len(chosen),
            "full": round(full / len(chosen), 4),
        }


def shortcuts(every: int = 1) -> Iterator[Figure]:
    """All of them, over each so many tasks of the default set."""
    tasks = all_tasks()[::every]
    yield from rates(tasks)
    yield from plan_copying(tasks[::10])
