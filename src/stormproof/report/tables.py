"""The report's tables, each a pure function of the episode table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from stormproof.domain.conditions import DIFFICULTIES, PROMPT_TYPES, TASK_TYPES
from stormproof.report.cells import cell_of, per_task
from stormproof.report.columns import (
    CEILING,
    COUNTS,
    FLAGS,
    INFRASTRUCTURE,
    INTERVALS,
    LEVELS,
    SUCCESS,
    counts,
    flags_of,
    grid,
    levels,
    marked,
    rate_label,
    simulated_models,
    simulated_note,
    success_values,
)
from stormproof.report.comparisons import flaws, models_compared, prompt_indices, reliability_slopes
from stormproof.report.frame import Frame
from stormproof.report.table import Column, Table, Value
from stormproof.stats import pass_at_1, pass_hat_k
from stormproof.stats.indices import DEFINITIONS

NO_VERDICTS: Final[Mapping[str, str]] = MappingProxyType({})


def all_tables(frame: Frame, verdicts: Mapping[str, str] = NO_VERDICTS) -> tuple[Table, ...]:
    """Every table that has rows, in reading order; `verdicts` are the audit's, by model."""
    makers: tuple[Callable[[Frame], Table], ...] = (
        functools.partial(overall, verdicts=verdicts),
        by_task_type,
        scale,
        flaws,
        reliability,
        reliability_slopes,
        prompts,
        prompt_indices,
        models_compared,
        replicates,
        errors,
        flagged,
    )
    found = (make(frame) for make in makers)
    simulated = simulated_models(frame)
    return tuple(marked(table, simulated) for table in found if table.rows)


def overall(frame: Frame, verdicts: Mapping[str, str] = NO_VERDICTS) -> Table:
    """One row a model: all of it at a glance."""
    columns = (
        Column("model"),
        *SUCCESS,
        FLAGS,
        *COUNTS,
        *LEVELS,
        Column("weighted %", "percent", "full counts 1, partial one half"),
        Column("steps", "number", "tool calls executed, mean over scored episodes"),
        Column("tool coverage %", "percent", "share of required tools that succeeded"),
    )
    rows = []
    for (model,), group in frame.groups("model"):
        cell = cell_of(group)
        rows.append(
            (
                model,
                *success_values(cell),
                ", ".join(flags_of(cell, verdicts.get(model, ""))),
                *counts(cell),
                *levels(cell),
                cell.weighted,
                cell.steps,
                cell.coverage.estimate,
            )
        )
    ceilings = (CEILING,) if np.isfinite(frame.numbers("ceiling")).any() else ()
    notes = (INTERVALS, INFRASTRUCTURE, *ceilings, *simulated_note(frame))
    return Table("overall", "Overall", columns, tuple(rows), notes)


def by_task_type(frame: Frame) -> Table:
    """Model × task type."""
    return grid(frame, "task_types", "By task type", "task_type", "task type", TASK_TYPES)


def scale(frame: Frame) -> Table:
    """Scenario 5.2: model × difficulty."""
    found = frame.at(~frame.is_value("difficulty", "unrecorded"))
    return grid(
        found, "scale", "5.2 Scale: success by difficulty", "difficulty", "difficulty", DIFFICULTIES
    )


def reliability(frame: Frame) -> Table:
    """Scenario 5.4: model × tool success rate."""
    found = frame.at(frame.numbers("tool_success_rate") >= 0)
    return grid(
        found,
        "rates",
        "5.4 Tool reliability: success by tool success rate",
        "tool_success_rate",
        "tool success rate",
        (),
    )


def prompts(frame: Frame) -> Table:
    """Scenario 5.5: model × prompt type."""
    return grid(frame, "prompts", "5.5 Prompt types", "prompt_type", "prompt type", PROMPT_TYPES)


def replicates(frame: Frame) -> Table:
    """pass@1 and pass^k where tasks were run more than once under one condition."""
    rows: list[tuple[Value, ...]] = []
    for (model, prompt, rate), group in frame.groups("model", "prompt_type", "tool_success_rate"):
        scored = group.at(~group.is_value("outcome", "infrastructure"))
        if len(group.values("replicate")) < 2 or not len(scored):  # noqa: PLR2004  replicates
            continue
        hits, trials = per_task(scored)
        most = int(trials.min())
        rows.append(
            (
                model,
                prompt,
                rate_label(rate),
                len(trials),
                most,
                pass_at_1(hits, trials),
                pass_hat_k(hits, trials, most),
            )
        )
    columns = (
        Column("model"),
        Column("prompt type"),
        Column("tool success rate"),
        Column("tasks", "count"),
        Column("k", "count"),
        Column("pass@1 %", "interval"),
        Column("pass^k %", "interval"),
    )
    notes = (f"pass@1: {DEFINITIONS['pass@1']}.", f"pass^k: {DEFINITIONS['pass^k']}.")
    return Table("replicates", "Replicates", columns, tuple(rows), notes)


def errors(frame: Frame) -> Table:
    """Why scored episodes fell short, by model; infrastructure stands apart."""
    categories = [c for c in frame.values("error_category") if c]
    rows: list[tuple[Value, ...]] = []
    for (model,), group in frame.groups("model"):
        scored = group.at(~group.is_value("outcome", "infrastructure"))
        counts = [int(scored.is_value("error_category", c).sum()) for c in categories]
        rows.append((model, len(scored), *counts, len(group) - len(scored)))
    columns = (
        Column("model"),
        Column("scored", "count"),
        *(Column(c.replace("_", " "), "count") for c in categories),
        Column("infra (not scored)", "count"),
    )
    return Table("errors", "Error categories", columns, tuple(rows) if categories else ())


def flagged(frame: Frame) -> Table:
    """Every cell of the grid that must not be read as a result as it stands."""
    names = ("model", "prompt_type", "difficulty", "tool_success_rate", "protocol")
    rows: list[tuple[Value, ...]] = []
    for key, group in frame.groups(*names):
        cell = cell_of(group)
        if cell.flags:
            model, prompt, difficulty, rate, protocol = key
            where = (model, prompt, difficulty, rate_label(rate), protocol)
            rows.append((*where, *counts(cell), cell.trouble, ", ".join(cell.flags)))
    columns = (
        Column("model"),
        Column("prompt type"),
        Column("difficulty"),
        Column("tool success rate"),
        Column("protocol"),
        *COUNTS,
        Column("format trouble %", "percent", "turns whose format had an error or needed repair"),
        FLAGS,
    )
    notes = ("Cells flagged here should not be quoted as results before the flag is understood.",)
    return Table("flags", "Flagged cells", columns, tuple(rows), notes)
