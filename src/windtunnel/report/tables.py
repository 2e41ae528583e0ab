"""The report's tables, each a pure function of the episode table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from msgspec.structs import replace

from windtunnel.domain.conditions import DIFFICULTIES, FLAWED_PREFIX, PROMPT_TYPES, TASK_TYPES
from windtunnel.report.cells import Cell, cell_of, per_task
from windtunnel.report.frame import Frame
from windtunnel.report.pairing import matched
from windtunnel.report.table import Column, Table, Value
from windtunnel.stats import (
    Comparison,
    compare,
    holm,
    pass_at_1,
    pass_hat_k,
    retention,
    sensitivity,
    slope,
)
from windtunnel.stats.indices import DEFINITIONS

SIMULATED = "SIMULATED"
SIMULATED_NOTE = (
    "SIMULATED: these episodes were answered by the emulator's simulated agents, not by models. "
    "They say nothing of any real model."
)
MOST_MODELS_COMPARED = 8

_INTERVALS = (
    "Success is full success: the goal was met. Intervals are 95 %: Wilson's, clustered by task "
    "where a task was run more than once."
)
_INFRASTRUCTURE = (
    "Infrastructure failures (timeouts, refusals, broken replies) are not the model's: they are "
    "in no rate and are run again by the next `windtunnel run`."
)
_CEILING = (
    "Ceiling is the best success probability that any agent could reach at these tool success "
    "rates and turn budgets; share of ceiling is success divided by it."
)

_COUNTS = (
    Column("attempted", "count"),
    Column("infra", "count", "ended by infrastructure: not scored, in no rate"),
    Column("scored", "count"),
)
_SUCCESS = (
    Column("success %", "interval", "full success over scored, with its 95 % interval"),
    Column("ceiling %", "percent", "best that any agent could reach"),
    Column("share of ceiling %", "interval", "success divided by the ceiling"),
)
_FLAGS = Column("flags", "text", "what should keep you from reading the row as a result")


def all_tables(frame: Frame) -> tuple[Table, ...]:
    """Every table that has rows, in reading order."""
    makers: tuple[Callable[[Frame], Table], ...] = (
        overall,
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
    return tuple(table for make in makers if (table := make(frame)).rows)


def overall(frame: Frame) -> Table:
    """One row a model: all of it at a glance."""
    columns = (
        Column("model"),
        *_COUNTS,
        Column("full", "count"),
        Column("partial", "count"),
        Column("failed", "count"),
        *_SUCCESS,
        Column("weighted %", "percent", "full counts 1, partial one half"),
        Column("steps", "number", "tool calls executed, mean over scored episodes"),
        Column("tool coverage %", "percent", "share of required tools that succeeded"),
        _FLAGS,
    )
    rows = []
    for (model,), group in frame.groups("model"):
        cell = cell_of(group)
        rows.append(
            (
                labelled(model, cell),
                *_counts(cell),
                cell.full,
                cell.partial,
                cell.failed,
                *_success(cell),
                cell.weighted,
                cell.steps,
                cell.coverage.estimate,
                ", ".join(cell.flags),
            )
        )
    notes = (_INTERVALS, _INFRASTRUCTURE, _CEILING, *_simulated_note(frame))
    return Table("overall", "Overall", columns, tuple(rows), notes)


def by_task_type(frame: Frame) -> Table:
    """Model × task type."""
    return _grid(frame, "task_types", "By task type", "task_type", "task type", TASK_TYPES)


def scale(frame: Frame) -> Table:
    """Scenario 5.2: model × difficulty."""
    found = frame.at(~frame.is_value("difficulty", "unrecorded"))
    return _grid(
        found, "scale", "5.2 Scale: success by difficulty", "difficulty", "difficulty", DIFFICULTIES
    )


def reliability(frame: Frame) -> Table:
    """Scenario 5.4: model × tool success rate."""
    found = frame.at(frame.numbers("tool_success_rate") >= 0)
    return _grid(
        found,
        "rates",
        "5.4 Tool reliability: success by tool success rate",
        "tool_success_rate",
        "tool success rate",
        (),
    )


def prompts(frame: Frame) -> Table:
    """Scenario 5.5: model × prompt type."""
    return _grid(frame, "prompts", "5.5 Prompt types", "prompt_type", "prompt type", PROMPT_TYPES)


def reliability_slopes(frame: Frame) -> Table:
    """Reliability slope of each model that ran the same tasks at several rates."""
    rows: list[tuple[Value, ...]] = []
    for (model,), group in frame.groups("model"):
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
    notes = (f"Reliability slope: {DEFINITIONS['slope']}.",)
    return Table("slopes", "5.4 Reliability slope", columns, tuple(rows), notes)


def flaws(frame: Frame) -> Table:
    """Scenario 5.3: each flaw against the correct plan, on the same tasks."""
    rows: list[tuple[Value, ...]] = []
    found: list[tuple[str, str, Frame, Comparison, Value]] = []
    for (model,), group in frame.groups("model"):
        best = group.at(group.is_value("prompt_type", "optimal"))
        for prompt in _ordered(group.values("prompt_type"), PROMPT_TYPES):
            if prompt.startswith(FLAWED_PREFIX):
                part = group.at(group.is_value("prompt_type", prompt))
                a, b = matched([part, best], "prompt_type")
                found.append((model, prompt, part, compare("", a, b), retention(a, b)))
    adjusted = holm([_p(c) for *_, c, _ in found])
    for (model, prompt, part, comparison, kept), p in zip(found, adjusted, strict=True):
        cell, paired = cell_of(part), comparison.difference.tasks > 0
        rows.append(
            (
                labelled(model, cell),
                prompt.removeprefix(FLAWED_PREFIX).replace("_", " "),
                *_counts(cell),
                cell.success,
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
        *_COUNTS,
        _SUCCESS[0],
        Column("tasks paired", "count"),
        Column("difference to optimal, points", "points"),
        Column("p (Holm)", "p"),
        Column("retention", "ratio"),
        _FLAGS,
    )
    notes = (
        f"Retention: {DEFINITIONS['retention']}.",
        "Differences are paired by task (the same weather for both plans): Tango's interval and "
        "McNemar's mid-p, or MOVER and the paired bootstrap where tasks have several trials; "
        "p values are Holm-adjusted across the table.",
    )
    return Table("flaws", "5.3 Flawed plans against the correct plan", columns, tuple(rows), notes)


def prompt_indices(frame: Frame) -> Table:
    """Prompt sensitivity index and best prompt of each model."""
    rows: list[tuple[Value, ...]] = []
    for (model,), group in frame.groups("model"):
        kinds = _ordered(group.values("prompt_type"), PROMPT_TYPES)
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
        f"Prompt sensitivity index: {DEFINITIONS['sensitivity']}.",
        "Best prompt types are those that no other beats at 5 % (paired, Holm).",
    )
    return Table("prompt_index", "5.5 Prompt sensitivity", columns, tuple(rows), notes)


def models_compared(frame: Frame) -> Table:
    """Every pair of models on the tasks and conditions that both have."""
    groups = list(frame.groups("model"))[:MOST_MODELS_COMPARED]
    found: list[tuple[str, str, Comparison]] = []
    for ((first,), a), ((second,), b) in itertools.combinations(groups, 2):
        left, right = matched([a, b], "model")
        if len(left) > 1:
            found.append((first, second, compare("", left, right)))
    adjusted = holm([_p(c) for *_, c in found])
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
        "Paired by task: both models met the same weather. Only settings that both models "
        "completed count, so rates can differ from those above.",
    )
    return Table("models", "Models against each other", columns, rows, notes)


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
                _rate_label(rate),
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
            where = (model, prompt, difficulty, _rate_label(rate), protocol)
            rows.append((*where, *_counts(cell), cell.trouble, ", ".join(cell.flags)))
    columns = (
        Column("model"),
        Column("prompt type"),
        Column("difficulty"),
        Column("tool success rate"),
        Column("protocol"),
        *_COUNTS,
        Column("format trouble %", "percent", "turns whose format had an error or needed repair"),
        _FLAGS,
    )
    notes = ("Cells flagged here should not be quoted as results before the flag is understood.",)
    return Table("flags", "Flagged cells", columns, tuple(rows), notes)


def compared(first: Frame, second: Frame, names: tuple[str, str]) -> Table:
    """Two results folders side by side, by model; paired where both ran the same settings."""
    left = {key[0]: group for key, group in first.groups("model")}
    right = {key[0]: group for key, group in second.groups("model")}
    rows: list[tuple[Value, ...]] = []
    for model in sorted(left.keys() | right.keys()):
        a, b = left.get(model), right.get(model)
        x, y = (cell_of(a) if a else None), (cell_of(b) if b else None)
        rows.append((model, *_side(x), *_side(y)))
    columns = (
        Column("model"),
        *(
            replace(column, title=f"{name}: {column.title}")
            for name in names
            for column in (_COUNTS[0], _COUNTS[1], _COUNTS[2], *_SUCCESS[:2])
        ),
    )
    return Table("compare", f"{names[0]} against {names[1]}", columns, tuple(rows), (_INTERVALS,))


def labelled(model: str, cell: Cell) -> str:
    """A model's name, marked in words where the emulator answered for it."""
    return f"{model} ({SIMULATED})" if cell.simulated else model


def _grid(
    frame: Frame, key: str, title: str, name: str, heading: str, order: Sequence[str]
) -> Table:
    rows = []
    for (model,), group in frame.groups("model"):
        for value in _ordered(group.values(name), order):
            numeric = isinstance(value, float)
            part = group.at(
                group.numbers(name) == value if numeric else group.is_value(name, value)
            )
            cell = cell_of(part)
            rows.append(
                (
                    labelled(model, cell),
                    _rate_label(value) if numeric else value,
                    *_counts(cell),
                    cell.full,
                    cell.partial,
                    cell.failed,
                    *_success(cell),
                    ", ".join(cell.flags),
                )
            )
    columns = (
        Column("model"),
        Column(heading),
        *_COUNTS,
        Column("full", "count"),
        Column("partial", "count"),
        Column("failed", "count"),
        *_SUCCESS,
        _FLAGS,
    )
    return Table(key, title, columns, tuple(rows), _simulated_note(frame))


def _counts(cell: Cell) -> tuple[Value, ...]:
    return cell.attempted, cell.infrastructure, cell.scored


def _success(cell: Cell) -> tuple[Value, ...]:
    return cell.success, cell.ceiling, cell.share


def _side(cell: Cell | None) -> tuple[Value, ...]:
    return (None,) * 5 if cell is None else (*_counts(cell), cell.success, cell.ceiling)


def _simulated_note(frame: Frame) -> tuple[str, ...]:
    return (SIMULATED_NOTE,) if np.nansum(frame.numbers("simulated")) > 0 else ()


def _best(kinds: Sequence[str], arrays: Sequence[np.ndarray]) -> str:
    """The prompt types that the leading one does not beat."""
    means = [float(a.mean()) for a in arrays]
    top = max(range(len(kinds)), key=lambda i: means[i])
    others = [i for i in range(len(kinds)) if i != top]
    p_values = holm([_p(compare("", arrays[top], arrays[i])) for i in others])
    ties = [kinds[i] for i, p in zip(others, p_values, strict=True) if p > 0.05]  # noqa: PLR2004
    return ", ".join([kinds[top], *ties]) if len(ties) < len(others) else "none stands out"


def _p(comparison: Comparison) -> float:
    return comparison.p_value if math.isfinite(comparison.p_value) else 1.0


def _ordered(values: Sequence[str], order: Sequence[str]) -> list[str]:
    known = {value: i for i, value in enumerate(order)}
    return sorted(values, key=lambda v: (known.get(v, len(known)), v))


def _rate_label(rate: float) -> str:
    return f"{rate:g}" if rate >= 0 else "not recorded"
