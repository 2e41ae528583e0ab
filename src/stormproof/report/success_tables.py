"""Success by model and by one part of the condition, replicates, errors, and flagged cells.

What stands in one table is aligned first (`common_cells`): no rate here mixes what the others of
its table do not mix alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from stormproof.domain.conditions import (
    DIFFICULTIES,
    FLAWED_PREFIX,
    PROMPT_TYPES,
    TASK_TYPES,
    Condition,
)
from stormproof.plan import SCENARIOS
from stormproof.report.cell_figures import figures_of, rate_of, whole
from stormproof.report.common_cells import Aligned, align, balanced
from stormproof.report.condition_words import (
    cells_in_words,
    condition_key,
    condition_label,
    condition_of,
    rate_label,
)
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import (
    BOUNDS,
    CEILING,
    COUNTS,
    FLAGS,
    INFRASTRUCTURE,
    INTERVALS,
    LEVELS,
    SUCCESS,
    counts,
    definition,
    flags_of,
    levels,
    simulated_note,
    success_values,
)
from stormproof.report.report_table import Column, IfLost, ReportTable, Value
from stormproof.stats import PASS_DEFINITIONS, pass_at_1, pass_hat_k

NO_VERDICTS: Final[Mapping[str, str]] = MappingProxyType({})
_CONDITION = Condition.__struct_fields__


def overall(
    episodes: EpisodeRows,
    verdicts: Mapping[str, str] = NO_VERDICTS,
    planned: Sequence[str] = (),
) -> ReportTable:
    """One row a model, over the cells that all models share; `planned` models have one too."""
    columns = (
        Column("model"),
        *SUCCESS,
        FLAGS,
        *COUNTS,
        Column("left out", "count", "scored in cells that other models lack: in no rate here"),
        *LEVELS,
        Column("weighted %", "percent", "full counts 1, partial one half"),
        Column("collateral %", "interval", "scored episodes in which something unasked was done"),
        Column("progress %", "percent", "milestones and checks that held at the end"),
        Column("steps", "number", "tool calls executed, mean over scored episodes"),
        Column("tool coverage %", "percent", "share of required tools that succeeded"),
    )
    models, aligned = _aligned(episodes, "model")
    rows = []
    for (model,), one in zip(models, aligned, strict=True):
        cell = figures_of(one)
        flags = ", ".join(flags_of(cell, verdicts.get(model, "")))
        middle = (*counts(cell), cell.left_out, *levels(cell))
        measures = (cell.weighted, cell.spoiled, cell.progress, cell.steps, cell.coverage)
        rows.append((model, *success_values(cell), flags, *middle, *measures))
    absent = sorted(set(planned) - {model for (model,) in models})
    nothing = (None,) * len(SUCCESS)
    rows += [
        (model, *nothing, "not run", *(None,) * (len(columns) - len(SUCCESS) - 2))
        for model in absent
    ]
    ceilings = (CEILING,) if np.isfinite(episodes.numbers("ceiling")).any() else ()
    bounds = (BOUNDS,) if any(isinstance(row[2], IfLost) for row in rows) else ()
    defined = (definition(episodes), INTERVALS)
    notes = (*defined, INFRASTRUCTURE, *ceilings, *bounds, *simulated_note(episodes))
    cells = cells_in_words(aligned, ())
    return ReportTable("overall", "Overall", columns, tuple(rows), notes, cells)


def by_condition(episodes: EpisodeRows) -> ReportTable:
    """Model × condition, where there are several: models beside each other in one condition."""
    found = list(episodes.groups(*_CONDITION))
    parts = sorted(
        ((condition_of(part), part) for _, part in found), key=lambda pair: condition_key(pair[0])
    )
    rows: list[tuple[Value, ...]] = []
    for condition, part in parts if len(parts) > 1 else ():
        models, aligned = _aligned(part, "model")
        for (model,), one in zip(models, aligned, strict=True):
            rows.append((model, *_row(one, condition_label(condition))))
    notes = ("A rate here is of one condition, over the task types that all its models have.",)
    columns = _columns("condition")
    return ReportTable("conditions", "By condition", columns, tuple(rows), notes)


class Axis(Struct, frozen=True):
    """One part of the condition that a table goes along; `order` is that of its values.

    `scenario` names the one whose own cells are taken, where the run has at least two of its values
    there; `titles` are those of its table over these cells, and over others.
    """

    key: str
    name: str
    heading: str
    titles: tuple[str, str]
    order: tuple[str, ...] = ()
    scenario: str = ""
    apart: tuple[str, ...] = ()


TASK_TYPE = Axis(
    "task_types", "task_type", "task type", ("By task type", "By task type"), TASK_TYPES
)
SCALE = Axis(
    "scale",
    "difficulty",
    "difficulty",
    ("5.2 Scale: success by difficulty", "Success by difficulty"),
    DIFFICULTIES,
    "5.2",
)
RELIABILITY = Axis(
    "rates",
    "tool_success_rate",
    "tool success rate",
    ("5.4 Tool reliability: success by tool success rate", "Success by tool success rate"),
    (),
    "5.4",
)
PROMPTS = Axis(
    "prompts",
    "prompt_type",
    "prompt type",
    ("5.5 Prompt types", "Success by prompt type"),
    PROMPT_TYPES,
    "5.5",
    ("severity",),
)
AXES: Final = (TASK_TYPE, SCALE, RELIABILITY, PROMPTS)


def along(episodes: EpisodeRows, axis: Axis) -> ReportTable:
    """Model × one part of the condition; no rows where it has but one value."""
    own, is_own = cells_of(episodes, axis)
    title = axis.titles[0 if is_own else 1]
    columns = _columns(axis.heading)
    if len(own.values(axis.name)) < 2:  # noqa: PLR2004  nothing to compare
        return ReportTable(axis.key, title, columns, ())
    keys, aligned = _aligned(own, "model", axis.name, order=axis.order, apart=axis.apart)
    rows = tuple(
        (model, *_row(one, rate_label(value) if isinstance(value, float) else value))
        for (model, value), one in zip(keys, aligned, strict=True)
    )
    cells = cells_in_words(aligned, (axis.name, *axis.apart))
    return ReportTable(axis.key, title, columns, rows, simulated_note(episodes), cells)


def cells_of(episodes: EpisodeRows, axis: Axis) -> tuple[EpisodeRows, bool]:
    """The rows that an axis is about, and whether they are its scenario's own."""
    known = {
        "difficulty": ~episodes.is_value("difficulty", "unrecorded"),
        "tool_success_rate": episodes.numbers("tool_success_rate") >= 0,
        "prompt_type": ~is_flawed(episodes),
    }
    episodes = episodes.at(known.get(axis.name, np.ones(len(episodes), bool)))
    if not axis.scenario:
        return episodes, False
    own = episodes.at(in_scenario(episodes, axis.scenario, axis.name))
    completed = own.at(own.is_value("outcome", "completed"))
    enough = len(completed.values(axis.name)) > 1
    return (own, True) if enough else (episodes, False)


def in_scenario(episodes: EpisodeRows, scenario: str, axis: str) -> npt.NDArray[np.bool_]:
    """Where the condition is one of the scenario's, whatever its value on the axis."""
    grid = SCENARIOS[scenario]
    parts = {
        "prompt_type": np.any([episodes.is_value("prompt_type", p) for p in grid.prompt_types], 0),
        "difficulty": np.any([episodes.is_value("difficulty", d) for d in grid.difficulties], 0),
        "tool_success_rate": np.isin(
            episodes.numbers("tool_success_rate"), grid.tool_success_rates
        ),
    }
    chosen = [part for name, part in parts.items() if name != axis]
    return np.asarray(np.all(chosen, axis=0), bool)


def is_flawed(episodes: EpisodeRows) -> npt.NDArray[np.bool_]:
    """Where the plan shown in the prompt is a flawed one."""
    labels = episodes.labels("prompt_type")
    flawed = [code for code, label in enumerate(labels) if label.startswith(FLAWED_PREFIX)]
    return np.isin(episodes.codes("prompt_type"), flawed)


def replicates(episodes: EpisodeRows) -> ReportTable:
    """pass@1 and pass^k where tasks were run more than once under one condition."""
    rows: list[tuple[Value, ...]] = []
    for _, part in episodes.groups(*_CONDITION):
        k = len(part.values("replicate"))
        if k < 2:  # noqa: PLR2004  replicates
            continue
        models, aligned = _aligned(part, "model")
        for (model,), one in zip(models, aligned, strict=True):
            hits, trials, weights = _per_task(one, k)
            if len(hits):
                passes = (
                    pass_at_1(hits, trials, weights=weights),
                    pass_hat_k(hits, trials, k, weights=weights),
                )
                rows.append((model, condition_label(condition_of(part)), len(hits), k, *passes))
    columns = (
        Column("model"),
        Column("condition"),
        Column("tasks", "count", "tasks all of whose replicates are scored"),
        Column("k", "count"),
        Column("pass@1 %", "interval"),
        Column("pass^k %", "interval"),
    )
    notes = (f"pass@1: {PASS_DEFINITIONS['pass@1']}.", f"pass^k: {PASS_DEFINITIONS['pass^k']}.")
    return ReportTable("replicates", "Replicates", columns, tuple(rows), notes)


def _per_task(one: Aligned, k: int) -> tuple[Any, Any, Any]:
    """Hits, trials and weight of each task that has k scored trials; task types weigh the same."""
    counted = one.rows.is_value("outcome", "completed")
    scored = one.rows.at(counted)
    _, first, inverse = np.unique(scored.codes("task_id"), return_index=True, return_inverse=True)
    trials = np.bincount(inverse, minlength=len(first))
    hits = np.bincount(inverse, scored.is_value("success", "full"), len(first))
    enough = trials >= k
    cells = one.cells[counted][first][enough]
    weights = balanced(Aligned(scored.at(first[enough]), cells, 0), np.ones(len(cells), bool))
    return hits[enough], trials[enough], weights


def errors(episodes: EpisodeRows) -> ReportTable:
    """Why scored episodes fell short, by model, over the cells that all models share."""
    categories = [c for c in episodes.values("error_category") if c]
    models, aligned = _aligned(episodes, "model")
    rows: list[tuple[Value, ...]] = []
    for (model,), one in zip(models, aligned, strict=True):
        counted = one.rows.is_value("outcome", "completed")
        scored, weights = one.rows.at(counted), balanced(one, counted)
        shares = [
            rate_of(scored, weights, scored.is_value("error_category", c)) for c in categories
        ]
        lost = int(one.rows.is_value("outcome", "infrastructure").sum())
        rows.append((model, len(scored), *shares, lost, int((~counted).sum()) - lost))
    columns = (
        Column("model"),
        Column("scored", "count"),
        *(Column(f"{c.replace('_', ' ')} %", "percent") for c in categories),
        Column("infra (not scored)", "count"),
        Column("blocked (not scored)", "count"),
    )
    notes = ("Shares of scored episodes; those that fully succeeded have no category.",)
    cells = cells_in_words(aligned, ())
    found = tuple(rows) if categories else ()
    return ReportTable("errors", "Error categories", columns, found, notes, cells)


def flagged(episodes: EpisodeRows) -> ReportTable:
    """Every cell of the grid that must not be read as a result as it stands."""
    rows: list[tuple[Value, ...]] = []
    for (model, *_), group in episodes.groups("model", *_CONDITION):
        cell = whole(group)
        if cell.flags:
            condition = condition_label(condition_of(group))
            rows.append(
                (model, condition, *counts(cell), cell.unread, cell.repaired, ", ".join(cell.flags))
            )
    columns = (
        Column("model"),
        Column("condition"),
        *COUNTS,
        Column("unread %", "percent", "format errors and unread tool calls, a turn"),
        Column("repaired %", "percent", "repairs of what was read, a turn"),
        FLAGS,
    )
    notes = ("Cells flagged here should not be quoted as results before the flag is understood.",)
    return ReportTable("flags", "Flagged cells", columns, tuple(rows), notes)


def _columns(heading: str) -> tuple[Column, ...]:
    return (Column("model"), Column(heading), *SUCCESS, FLAGS, *COUNTS, *LEVELS)


def _row(one: Aligned, label: str) -> tuple[Value, ...]:
    cell = figures_of(one)
    return (
        label,
        *success_values(cell),
        ", ".join(cell.flags),
        *counts(cell),
        *levels(cell),
    )


def _aligned(
    episodes: EpisodeRows, *by: str, order: Sequence[str] = (), apart: Sequence[str] = ()
) -> tuple[list[tuple[Any, ...]], list[Aligned]]:
    """The groups by these fields, the last of them in its own order, and each over common cells."""
    found = list(episodes.groups(*by))
    if len(by) > 1:
        places = {value: place for place, value in enumerate(order)}
        found.sort(
            key=lambda pair: (*pair[0][:-1], places.get(pair[0][-1], len(places)), pair[0][-1])
        )
    keys, groups = [key for key, _ in found], [group for _, group in found]
    return keys, align(groups, (*by, *apart))
