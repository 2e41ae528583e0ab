"""What agents reach that do not think: they play a folder's own trials when a report is made.

No model is asked. A baseline is no model: it stands in a table of its own and in no comparison.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
from msgspec import Struct

from stormproof.domain.conditions import PROMPT_TYPES, Condition
from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.domain.tasks import Execution, Step, Task
from stormproof.report.headings import ordered
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.report.results import Results
from stormproof.score import final_standing
from stormproof.stats import wilson
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS

MOST_TRIALS = 60
"""So many trials are played by each baseline, evenly taken: a second or so."""

_BLIND = (
    Step("utility_helper"),
    Step("file_operations_scanner", {"pattern": "*"}),
    Step("network_monitor"),
    Step("integration_connector"),
    Step("data_processing_parser"),
    Step("data_processing_validator"),
    Step("computation_analyzer"),
    Step("data_processing_aggregator", {"function": "count"}),
    Step("utility_logger", {"message": "done"}),
    Step("utility_tracker", {"name": "task", "status": "done"}),
)
_TRIAL = ("task_id", *Condition.__struct_fields__, "weather_seed")


class _Played(Struct, frozen=True):
    """A trial as a baseline left it, with the ceiling of its episode."""

    prompt_type: str
    full: bool
    progress: float
    collateral: bool
    ceiling: float


def _copied(task: Task, condition: Condition) -> Sequence[Step]:
    return WORKFLOWS.shown_plan(task, condition)


def _blind(_task: Task, _condition: Condition) -> Sequence[Step]:
    return _BLIND


BASELINES: Final[Mapping[str, Callable[[Task, Condition], Sequence[Step]]]] = MappingProxyType(
    {"baseline: plan copier": _copied, "baseline: blind calls": _blind}
)
"""Label → the steps that it makes, each until it succeeds."""


def baselines(results: Results) -> ReportTable:
    """Each baseline by prompt type; no rows where the folder's suite is not at hand."""
    trials = [] if results.imported else _trials(results)
    found = {label: _all_played(results, trials, steps) for label, steps in BASELINES.items()}
    rows = tuple(
        _row(label, prompt, [each for each in played if each.prompt_type == prompt])
        for label, played in found.items()
        for prompt in ordered(list({each.prompt_type for each in played}), PROMPT_TYPES)
    )
    columns = (
        Column("baseline"),
        Column("prompt type"),
        Column("trials played", "count"),
        Column("success %", "interval", "full success, with its 95 % interval (Wilson)"),
        Column("ceiling %", "percent", "best that any agent could reach in these trials"),
        Column("progress %", "percent", "milestones and checks that held at the end"),
        Column("collateral %", "percent", "trials in which something unasked was done"),
    )
    notes = (
        "No models: simple programs that played the folder's own trials when this was made.",
        (
            "The plan copier carries out the plan that the prompt shows as it stands; blind calls "
            "are ten fixed tool calls, with the task unread. Both repeat what fails."
        ),
        "The best agent of the suite's own planner is not played: its success is the ceiling.",
        f"At most {MOST_TRIALS} trials, taken evenly: the mix of conditions is the folder's own.",
    )
    return ReportTable("baselines", "Baselines: what no thinking reaches", columns, rows, notes)


def _trials(results: Results) -> list[Mapping[str, Any]]:
    """Scored trials, each task, condition and weather once, taken evenly, with their ceilings."""
    if results.header.suite != WORKFLOWS.version:
        return []
    scored = results.table.select([*_TRIAL, "ceiling"]).drop_null()
    each = scored.group_by(list(_TRIAL)).aggregate([("ceiling", "max")])
    each = each.sort_by([(name, "ascending") for name in reversed(_TRIAL)])
    count = min(MOST_TRIALS, each.num_rows)
    places = [place * each.num_rows // count for place in range(count)]
    return list(each.take(pa.array(places, pa.int64())).to_pylist())


def _all_played(
    results: Results,
    trials: Sequence[Mapping[str, Any]],
    steps: Callable[[Task, Condition], Sequence[Step]],
) -> list[_Played]:
    """What came of all trials in which the baseline has anything to do."""
    played = []
    for trial in trials:
        task = WORKFLOWS.load_task(trial["task_id"], results.header.seed)
        condition = Condition(**{name: trial[name] for name in Condition.__struct_fields__})
        plan = steps(task, condition)
        if plan:
            end = final_standing(_play(task, condition, trial["weather_seed"], plan))
            played.append(
                _Played(
                    condition.prompt_type,
                    end.is_full,
                    end.progress,
                    bool(end.collateral),
                    trial["ceiling_max"],
                )
            )
    return played


def _play(task: Task, condition: Condition, seed: int, plan: Sequence[Step]) -> list[Execution]:
    """Make each step until it succeeds, by the rules that end an episode."""
    weathered = Weathered(WORKFLOWS, task, condition, seed)
    turns = WORKFLOWS.turn_budget(task, condition)
    done: list[Execution] = []
    failures = 0
    for step in plan:
        while len(done) < turns and failures < FAILURES_IN_A_ROW:
            done.append(weathered.call(step.tool, step.arguments))
            failures = 0 if done[-1].ok else failures + 1
            if done[-1].ok:
                break
    return done


def _row(label: str, prompt: str, played: Sequence[_Played]) -> tuple[Value, ...]:
    return (
        label,
        prompt,
        len(played),
        wilson(sum(each.full for each in played), len(played)),
        statistics.fmean(each.ceiling for each in played),
        statistics.fmean(each.progress for each in played),
        statistics.fmean(each.collateral for each in played),
    )
