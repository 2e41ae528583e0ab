"""Success by model and by one part of the condition, replicates, errors, and flagged cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from stormproof.domain.conditions import DIFFICULTIES, PROMPT_TYPES, TASK_TYPES
from stormproof.report.cell_figures import figures_of, per_task
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import (
    CEILING,
    COUNTS,
    FLAGS,
    INFRASTRUCTURE,
    INTERVALS,
    LEVELS,
    SUCCESS,
    counts,
    flags_of,
    levels,
    ordered,
    rate_label,
    simulated_note,
    success_values,
)
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.stats import PASS_DEFINITIONS, pass_at_1, pass_hat_k

NO_VERDICTS: Final[Mapping[str, str]] = MappingProxyType({})


def overall(episodes: EpisodeRows, verdicts: Mapping[str, str] = NO_VERDICTS) -> ReportTable:
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
    for (model,), group in episodes.groups("model"):
        cell = figures_of(group)
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
    ceilings = (CEILING,) if np.isfinite(episodes.numbers("ceiling")).any() else ()
    notes = (INTERVALS, INFRASTRUCTURE, *ceilings, *simulated_note(episodes))
    return ReportTable("overall", "Overall", columns, tuple(rows), notes)


def grid(
    episodes: EpisodeRows, key: str, title: str, name: str, heading: str, order: Sequence[str]
) -> ReportTable:
    """Model × one column of the episode table, in the given order of its values."""
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        for value in ordered(group.values(name), order):
            numeric = isinstance(value, float)
            part = group.at(
                group.numbers(name) == value if numeric else group.is_value(name, value)
            )
            cell = figures_of(part)
            rows.append(
                (
                    model,
                    rate_label(value) if numeric else value,
                    *success_values(cell),
                    ", ".join(cell.flags),
                    *counts(cell),
                    *levels(cell),
                )
            )
    columns = (
        Column("model"),
        Column(heading),
        *SUCCESS,
        FLAGS,
        *COUNTS,
        *LEVELS,
    )
    return ReportTable(key, title, columns, tuple(rows), simulated_note(episodes))


def by_task_type(episodes: EpisodeRows) -> ReportTable:
    """Model × task type."""
    return grid(episodes, "task_types", "By task type", "task_type", "task type", TASK_TYPES)


def scale(episodes: EpisodeRows) -> ReportTable:
    """Scenario 5.2: model × difficulty."""
    found = episodes.at(~episodes.is_value("difficulty", "unrecorded"))
    return grid(
        found, "scale", "5.2 Scale: success by difficulty", "difficulty", "difficulty", DIFFICULTIES
    )


def reliability(episodes: EpisodeRows) -> ReportTable:
    """Scenario 5.4: model × tool success rate."""
    found = episodes.at(episodes.numbers("tool_success_rate") >= 0)
    return grid(
        found,
        "rates",
        "5.4 Tool reliability: success by tool success rate",
        "tool_success_rate",
        "tool success rate",
        (),
    )


def prompts(episodes: EpisodeRows) -> ReportTable:
    """Scenario 5.5: model × prompt type."""
    return grid(episodes, "prompts", "5.5 Prompt types", "prompt_type", "prompt type", PROMPT_TYPES)


def replicates(episodes: EpisodeRows) -> ReportTable:
    """pass@1 and pass^k where tasks were run more than once under one condition."""
    rows: list[tuple[Value, ...]] = []
    for (model, prompt, rate), group in episodes.groups(
        "model", "prompt_type", "tool_success_rate"
    ):
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
    notes = (f"pass@1: {PASS_DEFINITIONS['pass@1']}.", f"pass^k: {PASS_DEFINITIONS['pass^k']}.")
    return ReportTable("replicates", "Replicates", columns, tuple(rows), notes)


def errors(episodes: EpisodeRows) -> ReportTable:
    """Why scored episodes fell short, by model; infrastructure stands apart."""
    categories = [c for c in episodes.values("error_category") if c]
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        scored = group.at(~group.is_value("outcome", "infrastructure"))
        counts = [int(scored.is_value("error_category", c).sum()) for c in categories]
        rows.append((model, len(scored), *counts, len(group) - len(scored)))
    columns = (
        Column("model"),
        Column("scored", "count"),
        *(Column(c.replace("_", " "), "count") for c in categories),
        Column("infra (not scored)", "count"),
    )
    return ReportTable("errors", "Error categories", columns, tuple(rows) if categories else ())


def flagged(episodes: EpisodeRows) -> ReportTable:
    """Every cell of the grid that must not be read as a result as it stands."""
    names = ("model", "prompt_type", "difficulty", "tool_success_rate", "protocol")
    rows: list[tuple[Value, ...]] = []
    for key, group in episodes.groups(*names):
        cell = figures_of(group)
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
    return ReportTable("flags", "Flagged cells", columns, tuple(rows), notes)
