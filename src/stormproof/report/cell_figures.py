"""The figures of a cell: what a group of trials says, its uncertainty, and what spoils it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from stormproof.audit import FEWEST_EPISODES, TOLERATED
from stormproof.errors import SuiteError
from stormproof.report.common_cells import Aligned, balanced, codes_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import IfLost
from stormproof.score import WEIGHTS
from stormproof.stats import Rate, clustered

FORMAT_DOMINATES = 0.5  # format errors, or repairs, a turn from which a cell is flagged


class CellFigures(Struct, frozen=True):
    """Counts and rates of a group. Rates are over scored trials; what is not scored is in none.

    `success` is full success, the only kind that the ceiling bounds. `share` is success divided
    by the mean ceiling. `bounds` is success had all unscored trials failed, and had all succeeded.
    `unread` are format errors and unread tool calls a turn, `repaired` repairs a turn: what was
    lost and what worked are kept apart. Means are NaN where nothing was scored. `left_out` counts
    scored trials in cells that others of the table lack. `spoiled` is the share of scored trials in
    which something unasked was done, None where the suite did not look; `progress` the mean share
    of milestones and checks that held at the end.
    """

    scored: int
    infrastructure: int
    blocked: int
    full: int
    partial: int
    failed: int
    success: Rate
    weighted: float
    steps: float
    coverage: float
    progress: float
    spoiled: Rate | None
    ceiling: float
    share: Rate | None
    bounds: IfLost | None
    unread: float
    repaired: float
    left_out: int
    flags: tuple[str, ...]


def figures_of(aligned: Aligned) -> CellFigures:
    """Count a group over its cells. Raises SuiteError where the parts do not add up."""
    group = aligned.rows
    counted = group.is_value("outcome", "completed")
    scored, weights = group.at(counted), balanced(aligned, counted)
    full, partial = scored.is_value("success", "full"), scored.is_value("success", "partial")
    success = rate_of(scored, weights, full)
    ceiling = weighted_mean(scored.numbers("ceiling"), weights)
    figures = CellFigures(
        scored=len(scored),
        infrastructure=int(group.is_value("outcome", "infrastructure").sum()),
        blocked=int(group.is_value("outcome", "blocked").sum()),
        full=int(full.sum()),
        partial=int(partial.sum()),
        failed=int(scored.is_value("success", "failed").sum()),
        success=success,
        weighted=weighted_mean(full + WEIGHTS["partial"] * partial, weights),
        steps=weighted_mean(scored.numbers("calls"), weights),
        coverage=weighted_mean(scored.numbers("tool_coverage"), weights),
        progress=weighted_mean(scored.numbers("progress"), weights),
        spoiled=share_with(scored, weights, "collateral"),
        ceiling=ceiling,
        share=share_of(success, ceiling) if len(scored) else None,
        bounds=_bounds(aligned, counted),
        unread=_a_turn(scored, "format_errors", "unread"),
        repaired=_a_turn(scored, "format_repairs"),
        left_out=aligned.left_out,
        flags=(),
    )
    _check_sums(figures, len(group))
    return replace(figures, flags=_flags(figures))


def share_with(scored: EpisodeRows, weights: npt.NDArray[np.float64], measure: str) -> Rate | None:
    """The share of trials with more than nothing of a measure, of those that have it recorded."""
    values = scored.numbers(measure)
    known = np.isfinite(values)
    return rate_of(scored.at(known), weights[known], values[known] > 0) if known.any() else None


def whole(group: EpisodeRows) -> CellFigures:
    """The figures of trials of one condition, which nothing stands beside."""
    return figures_of(Aligned(group, codes_of([group], ("task_type",))[0], 0))


def rate_of(
    scored: EpisodeRows, weights: npt.NDArray[np.float64], hits: npt.NDArray[np.bool_]
) -> Rate:
    """The weighted share of `hits`, clustered by task, and by archetype where those are alike."""
    tasks, first, inverse = np.unique(
        scored.codes("task_id"), return_index=True, return_inverse=True
    )
    trials = np.bincount(inverse, weights, len(tasks)).astype(np.float64)
    successes = np.bincount(inverse, weights * hits, len(tasks)).astype(np.float64)
    return clustered(successes, trials, kinds=kinds_of(scored, first))


def kinds_of(scored: EpisodeRows, first: npt.NDArray[np.intp]) -> npt.NDArray[np.int64] | None:
    """The archetype of each task, by a row of it; None where a task's is not known."""
    kinds = scored.codes("kind")[first]
    unknown = [code for code, kind in enumerate(scored.labels("kind")) if not kind]
    return None if np.isin(kinds, unknown).any() else kinds


def per_task(scored: EpisodeRows) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Full successes and trials of each task that occurs, in the tasks' order."""
    _, inverse = np.unique(scored.codes("task_id"), return_inverse=True)
    full = scored.is_value("success", "full").astype(float)
    hits, trials = np.bincount(inverse, full), np.bincount(inverse)
    return hits.astype(np.float64), trials.astype(np.float64)


def share_of(rate: Rate, ceiling: float) -> Rate | None:
    """Success as a share of the ceiling, which is exact, so that the interval scales with it."""
    if not ceiling > 0:
        return None
    return Rate(
        rate.estimate / ceiling, rate.low / ceiling, rate.high / ceiling, rate.n, rate.tasks
    )


def weighted_mean(values: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> float:
    """Mean of what is recorded; NaN where nothing is."""
    known = np.isfinite(values)
    total = float(weights[known].sum())
    return float((values[known] * weights[known]).sum()) / total if total else math.nan


def _bounds(aligned: Aligned, counted: npt.NDArray[np.bool_]) -> IfLost | None:
    """None where every trial that was tried has a score."""
    if counted.all() or not counted.any():
        return None
    weights = balanced(aligned, np.ones(len(counted), bool))
    full = aligned.rows.is_value("success", "full") & counted
    total = float(weights.sum())
    worst = float((weights * full).sum()) / total
    return IfLost(worst, worst + float(weights[~counted].sum()) / total)


def _a_turn(scored: EpisodeRows, *counts: str) -> float:
    turns = np.nansum(scored.numbers("turns"))
    return float(sum(np.nansum(scored.numbers(c)) for c in counts) / turns) if turns else 0.0


def _flags(cell: CellFigures) -> tuple[str, ...]:
    flags = []
    lost = cell.infrastructure / max(1, cell.scored + cell.infrastructure + cell.blocked)
    if not cell.scored:
        flags.append("no cell in common" if cell.left_out else "nothing scored")
    elif cell.scored < FEWEST_EPISODES:
        flags.append(f"n below {FEWEST_EPISODES}")
    if lost >= TOLERATED:
        flags.append("infrastructure failures")
    if cell.bounds is not None and not _inside(cell.bounds, cell.success):
        flags.append("what is lost may matter")
    if cell.unread >= FORMAT_DOMINATES:
        flags.append("format errors dominate")
    if cell.repaired >= FORMAT_DOMINATES:
        flags.append("formats repaired")
    return tuple(flags)


def _inside(bounds: IfLost, rate: Rate) -> bool:
    return rate.low <= bounds.low and bounds.high <= rate.high


def _check_sums(cell: CellFigures, attempted: int) -> None:
    """The levels make up what was scored, and that with what was not what was attempted."""
    rate = cell.success
    holds = (
        cell.full + cell.partial + cell.failed == cell.scored
        and cell.scored + cell.infrastructure + cell.blocked == attempted
        and (not cell.scored or 0 <= rate.low <= rate.estimate <= rate.high <= 1)
    )
    if not holds:
        raise SuiteError(
            "a report's counts do not add up: "
            f"full {cell.full} + partial {cell.partial} + failed {cell.failed} of {cell.scored} "
            f"scored; {cell.infrastructure} infrastructure and {cell.blocked} blocked of "
            f"{attempted} attempted; success {rate.estimate} in [{rate.low}, {rate.high}]",
            hint="this is a bug in Stormproof or a damaged results folder: keep it and report it",
        )
