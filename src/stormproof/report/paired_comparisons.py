"""Tables of what is compared on the same tasks: flaws, slopes, prompts, models.

Whether the k-th call of a tool fails depends on the task, the tool and k alone, so all models,
prompt types and rates meet the same weather in a task, and every difference is paired by task.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stormproof.domain.conditions import FLAWED_PREFIX, PROMPT_TYPES, Condition
from stormproof.report.cell_figures import figures_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import COUNTS, FLAGS, SUCCESS, counts, ordered
from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.stats import (
    ROBUSTNESS_DEFINITIONS,
    Comparison,
    compare,
    holm,
    retention,
    sensitivity,
    slope,
)

Array = npt.NDArray[np.float64]

MOST_MODELS_COMPARED = 8
_SETTING = ("model", *Condition.__struct_fields__, "replicate")  # what a task is run under


def matched(groups: Sequence[EpisodeRows], treatment: str) -> list[Array]:
    """Each group's success per task, over the settings that occur in every group.

    A setting is a task with all of its condition but the `treatment` that differs between the
    groups. Values are means over a task's settings, in [0, 1]; all arrays have the same tasks
    in the same order. Infrastructure outcomes take their setting out of all groups.
    """
    scored = [group.at(~group.is_value("outcome", "infrastructure")) for group in groups]
    keys, sizes = _keys(scored, treatment), [len(group) for group in scored]
    if not min(sizes, default=0):
        return [np.zeros(0) for _ in groups]
    unique, inverse = np.unique(keys, axis=1, return_inverse=True)
    parts = np.split(inverse.ravel(), np.cumsum(sizes)[:-1])
    count = unique.shape[1]
    n = [np.bincount(part, minlength=count) for part in parts]
    common = np.all(np.vstack(n) > 0, axis=0)
    _, task = np.unique(unique[0, common], return_inverse=True)
    return [
        _by_task(group, part, seen, common, task)
        for group, part, seen in zip(scored, parts, n, strict=True)
    ]


def flaws(episodes: EpisodeRows) -> ReportTable:
    """Scenario 5.3: each flaw against the correct plan, on the same tasks."""
    rows: list[tuple[Value, ...]] = []
    found: list[tuple[str, str, EpisodeRows, Comparison, Value]] = []
    for (model,), group in episodes.groups("model"):
        best = group.at(group.is_value("prompt_type", "optimal"))
        for prompt in ordered(group.values("prompt_type"), PROMPT_TYPES):
            if prompt.startswith(FLAWED_PREFIX):
                part = group.at(group.is_value("prompt_type", prompt))
                a, b = matched([part, best], "prompt_type")
                found.append((model, prompt, part, compare("", a, b), retention(a, b)))
    adjusted = holm([p_of(c) for *_, c, _ in found])
    for (model, prompt, part, comparison, kept), p in zip(found, adjusted, strict=True):
        cell, paired = figures_of(part), comparison.difference.tasks > 0
        rows.append(
            (
                model,
                prompt.removeprefix(FLAWED_PREFIX).replace("_", " "),
                cell.success,
                *counts(cell),
                comparison.difference.tasks,
                comparison.difference if paired else None,
                p if paired else math.nan,
                kept if paired else None,
                ", ".join(cell.flags),
            )
        )
    columns = (
        Column("model"),
        Column("flaw"),
        SUCCESS[0],
        *COUNTS,
        Column("tasks paired", "count"),
        Column("difference to optimal, points", "points"),
        Column("p (Holm)", "p"),
        Column("retention", "ratio"),
        FLAGS,
    )
    notes = (
        f"Retention: {ROBUSTNESS_DEFINITIONS['retention']}.",
        (
            "Differences are paired by task (same weather for both plans): Tango's interval and "
            "McNemar's mid-p, or MOVER and the paired bootstrap where tasks have several trials; "
            "p values are Holm-adjusted across the table."
        ),
    )
    return ReportTable(
        "flaws", "5.3 Flawed plans against the correct plan", columns, tuple(rows), notes
    )


def reliability_slopes(episodes: EpisodeRows) -> ReportTable:
    """Reliability slope of each model that ran the same tasks at several rates."""
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        rates = [r for r in group.values("tool_success_rate") if r >= 0]
        parts = [group.at(group.numbers("tool_success_rate") == rate) for rate in rates]
        arrays = matched(parts, "tool_success_rate") if len(rates) > 1 else []
        if arrays and len(arrays[0]) > 1:
            found = slope(rates, arrays)
            rows.append((model, ", ".join(f"{r:g}" for r in rates), found.tasks, found))
    columns = (
        Column("model"),
        Column("rates"),
        Column("tasks at all rates", "count"),
        Column("reliability slope", "ratio"),
    )
    notes = (f"Reliability slope: {ROBUSTNESS_DEFINITIONS['slope']}.",)
    return ReportTable("slopes", "5.4 Reliability slope", columns, tuple(rows), notes)


def prompt_indices(episodes: EpisodeRows) -> ReportTable:
    """Prompt sensitivity index and best prompt of each model."""
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        kinds = ordered(group.values("prompt_type"), PROMPT_TYPES)
        parts = [group.at(group.is_value("prompt_type", kind)) for kind in kinds]
        arrays = matched(parts, "prompt_type") if len(kinds) > 1 else []
        if arrays and len(arrays[0]) > 1:
            index = sensitivity(np.vstack(arrays))
            rows.append((model, len(kinds), index.tasks, index, _best(kinds, arrays)))
    columns = (
        Column("model"),
        Column("prompt types", "count"),
        Column("tasks under all", "count"),
        Column("sensitivity index", "ratio"),
        Column("best prompt type"),
    )
    notes = (
        f"Prompt sensitivity index: {ROBUSTNESS_DEFINITIONS['sensitivity']}.",
        "Best prompt types are those that no other beats at 5 % (paired, Holm).",
    )
    return ReportTable("prompt_index", "5.5 Prompt sensitivity", columns, tuple(rows), notes)


def models_compared(episodes: EpisodeRows) -> ReportTable:
    """Every pair of models on the tasks and conditions that both have."""
    groups = list(episodes.groups("model"))[:MOST_MODELS_COMPARED]
    found: list[tuple[str, str, Comparison]] = []
    for ((first,), a), ((second,), b) in itertools.combinations(groups, 2):
        left, right = matched([a, b], "model")
        if len(left) > 1:
            found.append((first, second, compare("", left, right)))
    adjusted = holm([p_of(c) for *_, c in found])
    rows = tuple(
        (first, second, c.difference.tasks, c.first, c.second, c.difference, p, c.method)
        for (first, second, c), p in zip(found, adjusted, strict=True)
    )
    columns = (
        Column("model"),
        Column("against"),
        Column("tasks paired", "count"),
        Column("success %", "interval"),
        Column("against %", "interval"),
        Column("difference, points", "points"),
        Column("p (Holm)", "p"),
        Column("method"),
    )
    notes = (
        (
            "Paired by task: both models met the same weather. Only settings that both models "
            "completed count, so rates can differ from those above."
        ),
    )
    return ReportTable("models", "Models against each other", columns, rows, notes)


def _best(kinds: Sequence[str], arrays: Sequence[Array]) -> str:
    """The prompt types that the leading one does not beat."""
    means = [float(a.mean()) for a in arrays]
    top = max(range(len(kinds)), key=lambda i: means[i])
    others = [i for i in range(len(kinds)) if i != top]
    p_values = holm([p_of(compare("", arrays[top], arrays[i])) for i in others])
    ties = [kinds[i] for i, p in zip(others, p_values, strict=True) if p > 0.05]  # noqa: PLR2004
    return ", ".join([kinds[top], *ties]) if len(ties) < len(others) else "none stands out"


def p_of(comparison: Comparison) -> float:
    """The p value; 1 where there was nothing to test."""
    return comparison.p_value if math.isfinite(comparison.p_value) else 1.0


def _keys(groups: Sequence[EpisodeRows], treatment: str) -> Array:
    names = ["task_id", *(name for name in _SETTING if name != treatment)]
    if treatment == "prompt_type":  # severity says how wrong a flawed plan is: part of the prompt
        names.remove("severity")
    columns = [np.vstack([group.as_numbers(name) for name in names]) for group in groups]
    return np.asarray(np.hstack(columns), np.float64)


def _by_task(
    group: EpisodeRows,
    part: npt.NDArray[np.int64],
    seen: npt.NDArray[np.int64],
    common: npt.NDArray[np.bool_],
    task: npt.NDArray[np.int64],
) -> Array:
    full = group.is_value("success", "full").astype(float)
    per_setting = np.bincount(part, full, minlength=len(seen))[common] / seen[common]
    return np.asarray(np.bincount(task, per_setting) / np.bincount(task))
