"""Tables of what is compared on the same tasks: flaws, slopes, prompts, models.

Whether the k-th call of a tool fails depends on the task, the tool and k alone, so all models,
prompt types and rates meet the same weather in a task, and every difference is paired by task.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from msgspec import Struct

from stormproof.domain.conditions import FLAWED_PREFIX, PROMPT_TYPES, SEVERITIES
from stormproof.report.cell_figures import CellFigures, figures_of, share_with, weighted_mean
from stormproof.report.common_cells import Aligned, Codes, align, balanced
from stormproof.report.condition_words import cells_in_words
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import COUNTS, FLAGS, SUCCESS, counts, ordered
from stormproof.report.matched_tasks import Array, Matched, matched
from stormproof.report.report_table import Column, IfLost, ReportTable, Value
from stormproof.report.success_tables import PROMPTS, RELIABILITY, cells_of, in_scenario, is_flawed
from stormproof.stats import (
    ROBUSTNESS_DEFINITIONS,
    Comparison,
    Contrast,
    compare,
    difference,
    holm,
    retention,
    sensitivity,
    slope,
    slope_weights,
)

MOST_MODELS_COMPARED = 16
LOST = Column(
    "if lost, points",
    "points bounds",
    "had the unscored trials been against it, or for it",
)
LOST_NOTE = (
    "If lost: between what the figure could lie, had the trials that were tried and not scored "
    "turned out against it, or for it."
)
DEALINGS = (
    Column("noticed %", "interval", "did something nearer to the right plan at a flaw"),
    Column("recovered %", "interval", "full success, of those that followed a flaw"),
    Column("followed %", "percent", "mean share of the flaws carried out as shown"),
)
DEALINGS_NOTES = (
    "Followed, noticed and recovered are judged by tool calls alone, not by what was written.",
    "Who follows a flaw, sees what comes of it and mends it has noticed it too.",
)
_AGAINST = (1.0, -1.0)


class Pairing(Struct, frozen=True):
    """Two groups on the same tasks: their comparison, its bounds, and a flag where these matter."""

    pairs: Matched
    comparison: Comparison
    bounds: IfLost | None
    flag: str

    @property
    def tasks(self) -> int:
        """How many tasks both have."""
        return self.pairs.tasks


def paired(groups: Sequence[EpisodeRows], treatment: str) -> Pairing:
    """Compare two groups that differ in the treatment."""
    pairs = matched(groups, treatment)
    first, second = pairs.values
    found = compare("", first, second, kinds=pairs.kinds)

    def again(values: list[Array], kinds: Codes | None) -> Contrast:
        return difference(*values, kinds=kinds)

    return Pairing(
        pairs,
        found,
        pairs.bounds(lambda v: float(v[0].mean() - v[1].mean()), _AGAINST),
        pairs.flag(found.difference, again, _AGAINST) if pairs.tasks else "",
    )


def flaws(episodes: EpisodeRows) -> ReportTable:
    """Scenario 5.3: each flaw against the correct plan, on the same tasks."""
    own = episodes.at(in_scenario(episodes, "5.3", "prompt_type"))
    is_own = bool(is_flawed(own).any())
    episodes = own if is_own else episodes
    keys, groups = _flawed(episodes)
    best = {
        model: group.at(group.is_value("prompt_type", "optimal"))
        for (model,), group in episodes.groups("model")
    }
    named = zip(keys, groups, strict=True)
    found = [paired([group, best[model]], "prompt_type") for (model, *_), group in named]
    adjusted = holm([p_of(one.comparison) for one in found])
    aligned = align(groups, ("model", "prompt_type", "severity"))
    rows = [
        (*key, *_flaw_values(figures_of(one), pair, p), *_dealings(one))
        for key, one, pair, p in zip(keys, aligned, found, adjusted, strict=True)
    ]
    columns = (
        Column("model"),
        Column("flaw"),
        Column("severity"),
        *SUCCESS[:2],
        *COUNTS,
        Column("tasks paired", "count"),
        Column("difference to optimal, points", "points"),
        LOST,
        Column("p (Holm)", "p"),
        Column("retention", "ratio"),
        Column("retention if lost", "ratio bounds"),
        FLAGS,
        *DEALINGS,
    )
    notes = (
        f"Retention: {ROBUSTNESS_DEFINITIONS['retention']}.",
        (
            "Differences are paired by task (same weather for both plans): Tango's interval and "
            "McNemar's mid-p, or MOVER and the paired bootstrap where tasks have several trials, "
            "or Student's t over archetypes where tasks of one differ alike; "
            "p values are Holm-adjusted across the table."
        ),
        *(DEALINGS_NOTES if any(row[-1] is not None for row in rows) else ()),
        *_lost_note(rows),
    )
    title = "5.3 Flawed plans against the correct plan" if is_own else "Flawed plans"
    cells = cells_in_words(aligned, ("prompt_type", "severity"))
    return ReportTable("flaws", title, columns, tuple(rows), notes, cells)


def _dealings(one: Aligned) -> tuple[Value, ...]:
    """What was noticed, recovered from and followed, where it is recorded."""
    counted = one.rows.is_value("outcome", "completed")
    scored, weights = one.rows.at(counted), balanced(one, counted)
    shares = [share_with(scored, weights, f"flaw_{name}") for name in ("noticed", "recovered")]
    followed = weighted_mean(scored.numbers("flaw_followed"), weights)
    return (*shares, followed if math.isfinite(followed) else None)


def _flaw_values(cell: CellFigures, pair: Pairing, p: float) -> tuple[Value, ...]:
    kept, kept_bounds, kept_flag = _retained(pair.pairs)
    flags = ", ".join(dict.fromkeys(filter(None, (*cell.flags, pair.flag, kept_flag))))
    head = (cell.success, cell.bounds, *counts(cell), pair.tasks)
    if not pair.tasks:
        return (*head, None, None, None, None, None, flags)
    return (*head, pair.comparison.difference, pair.bounds, p, kept, kept_bounds, flags)


def _flawed(
    episodes: EpisodeRows,
) -> tuple[list[tuple[str, str, str]], list[EpisodeRows]]:
    """Model, flaw and severity ("" where there is but one) of each group, and its rows."""
    flawed = episodes.at(is_flawed(episodes))
    several = len(flawed.values("severity")) > 1
    keys: list[tuple[str, str, str]] = []
    groups: list[EpisodeRows] = []
    for (model,), group in flawed.groups("model"):
        for prompt in ordered(group.values("prompt_type"), PROMPT_TYPES):
            part = group.at(group.is_value("prompt_type", prompt))
            for severity in ordered(part.values("severity"), SEVERITIES):
                flaw = prompt.removeprefix(FLAWED_PREFIX).replace("_", " ")
                keys.append((model, flaw, severity if several else ""))
                groups.append(part.at(part.is_value("severity", severity)))
    return keys, groups


def _retained(pairs: Matched) -> tuple[Contrast, IfLost | None, str]:
    """Retention, its bounds, and a flag where these turn what it says of 1."""
    found = retention(*pairs.values, kinds=pairs.kinds)

    def estimate(values: list[Array]) -> float:
        return retention(*values).estimate

    def again(values: list[Array], kinds: Codes | None) -> Contrast:
        return retention(*values, kinds=kinds)

    if not pairs.tasks or math.isnan(found.estimate):
        return found, None, ""
    return found, pairs.bounds(estimate, _AGAINST), pairs.flag(found, again, _AGAINST, 1.0)


def reliability_slopes(episodes: EpisodeRows) -> ReportTable:
    """Reliability slope of each model that ran the same tasks at several rates."""
    episodes, _ = cells_of(episodes, RELIABILITY)
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        rates = group.values("tool_success_rate")
        parts = [group.at(group.numbers("tool_success_rate") == rate) for rate in rates]
        pairs = matched(parts, "tool_success_rate")
        if len(rates) > 1 and pairs.tasks > 1:
            listed = ", ".join(f"{r:g}" for r in rates)
            rows.append((model, listed, pairs.tasks, *_slope(rates, pairs)))
    columns = (
        Column("model"),
        Column("rates"),
        Column("tasks at all rates", "count"),
        Column("reliability slope", "ratio"),
        Column("slope if lost", "ratio bounds"),
        FLAGS,
    )
    notes = (f"Reliability slope: {ROBUSTNESS_DEFINITIONS['slope']}.", *_lost_note(rows))
    return ReportTable("slopes", "5.4 Reliability slope", columns, tuple(rows), notes)


def _slope(rates: Sequence[float], pairs: Matched) -> tuple[Value, ...]:
    found, weights = slope(rates, pairs.values, kinds=pairs.kinds), slope_weights(rates)

    def again(values: list[Array], kinds: Codes | None) -> Contrast:
        return slope(rates, values, kinds=kinds)

    bounds = pairs.bounds(lambda values: slope(rates, values).estimate, weights)
    return found, bounds, pairs.flag(found, again, weights)


def prompt_indices(episodes: EpisodeRows) -> ReportTable:
    """Prompt sensitivity index and best prompt of each model."""
    episodes, _ = cells_of(episodes, PROMPTS)
    rows: list[tuple[Value, ...]] = []
    for (model,), group in episodes.groups("model"):
        names = ordered(group.values("prompt_type"), PROMPT_TYPES)
        parts = [group.at(group.is_value("prompt_type", name)) for name in names]
        pairs = matched(parts, "prompt_type")
        if len(names) > 1 and pairs.tasks > 1:
            index = sensitivity(pairs.values, kinds=pairs.kinds)
            rows.append((model, len(names), index.tasks, index, _best(names, pairs)))
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
    every = list(episodes.groups("model"))
    groups = every[:MOST_MODELS_COMPARED]
    found = [
        (first, second, pair)
        for ((first,), a), ((second,), b) in itertools.combinations(groups, 2)
        if (pair := paired([a, b], "model")).tasks > 1
    ]
    adjusted = holm([p_of(pair.comparison) for *_, pair in found])
    rows = tuple(
        (first, second, *pairing_values(pair, p))
        for (first, second, pair), p in zip(found, adjusted, strict=True)
    )
    more = (f"The first {len(groups)} of {len(every)} models.",) if len(every) > len(groups) else ()
    columns = (Column("model"), Column("against"), *pairing_columns("success %", "against %"))
    notes = (
        (
            "Paired by task: both models met the same weather. Only settings that both models "
            "completed count, so rates hold within their row alone."
        ),
        *more,
        *_lost_note(rows),
    )
    return ReportTable("models", "Models against each other", columns, rows, notes)


def pairing_columns(first: str, second: str) -> tuple[Column, ...]:
    """What `pairing_values` go under."""
    return (
        Column("tasks paired", "count"),
        Column(first, "interval"),
        Column(second, "interval"),
        Column("difference, points", "points"),
        LOST,
        Column("p (Holm)", "p"),
        Column("method"),
        FLAGS,
    )


def pairing_values(pair: Pairing, p: float) -> tuple[Value, ...]:
    """A row's share of a table of pairings; `p` is Holm's."""
    found = pair.comparison
    compared = (found.first, found.second, found.difference, pair.bounds, p, found.method)
    return pair.tasks, *compared, pair.flag


def p_of(comparison: Comparison) -> float:
    """The p value; 1 where there was nothing to test."""
    return comparison.p_value if math.isfinite(comparison.p_value) else 1.0


def _lost_note(rows: Sequence[tuple[Value, ...]]) -> tuple[str, ...]:
    return (LOST_NOTE,) if any(isinstance(v, IfLost) for row in rows for v in row) else ()


def _best(names: Sequence[str], pairs: Matched) -> str:
    """The prompt types that the leading one does not beat."""
    means = [float(a.mean()) for a in pairs.values]
    top = max(range(len(names)), key=lambda i: means[i])
    others = [i for i in range(len(names)) if i != top]
    p_values = holm(
        [p_of(compare("", pairs.values[top], pairs.values[i], kinds=pairs.kinds)) for i in others]
    )
    ties = [names[i] for i, p in zip(others, p_values, strict=True) if p > 0.05]  # noqa: PLR2004
    return ", ".join([names[top], *ties]) if len(ties) < len(others) else "none stands out"
