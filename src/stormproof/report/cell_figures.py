"""The figures of a cell: what a group of trials says, its uncertainty, and what spoils it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from stormproof.audit import FEWEST_EPISODES, TOLERATED
from stormproof.errors import SuiteError
from stormproof.report.episode_rows import EpisodeRows
from stormproof.score import WEIGHTS
from stormproof.stats import Rate, clustered, mean

FORMAT_DOMINATES = 0.5  # share of turns with format trouble, from which a cell is flagged


class CellFigures(Struct, frozen=True):
    """Counts and rates of a group. Rates are over scored trials; infrastructure is in none.

    `success` is full success, the only kind that the ceiling bounds. `share` is success divided
    by the mean ceiling. `trouble` is the share of turns whose format had an error or needed
    repair. Means are NaN where nothing was scored.
    """

    attempted: int
    scored: int
    infrastructure: int
    full: int
    partial: int
    failed: int
    success: Rate
    weighted: float
    steps: float
    coverage: Rate
    ceiling: float
    share: Rate | None
    trouble: float
    flags: tuple[str, ...]


def figures_of(group: EpisodeRows) -> CellFigures:
    """Count a group. Raises SuiteError where the parts do not add up to the whole."""
    scored = group.at(~group.is_value("outcome", "infrastructure"))
    full = scored.is_value("success", "full")
    partial = scored.is_value("success", "partial")
    success = success_rate(scored)
    ceiling = average(scored.numbers("ceiling"))
    trouble = _format_trouble(scored)
    n, infrastructure = len(scored), len(group) - len(scored)
    figures = CellFigures(
        attempted=len(group),
        scored=n,
        infrastructure=infrastructure,
        full=int(full.sum()),
        partial=int(partial.sum()),
        failed=int(scored.is_value("success", "failed").sum()),
        success=success,
        weighted=float((full + WEIGHTS["partial"] * partial).mean()) if n else math.nan,
        steps=average(scored.numbers("calls")),
        coverage=mean(_finite(scored.numbers("tool_coverage"))),
        ceiling=ceiling,
        share=share_of(success, ceiling) if n else None,
        trouble=trouble,
        flags=_flags(n, infrastructure, len(group), trouble),
    )
    _check_sums(figures)
    return figures


def success_rate(scored: EpisodeRows) -> Rate:
    """Full success, clustered by task where tasks occur more than once."""
    hits, trials = per_task(scored)
    return clustered(hits, trials)


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


def average(values: Sequence[float] | npt.NDArray[np.float64]) -> float:
    """Mean of what is recorded; NaN where nothing is."""
    found = _finite(np.asarray(values, float))
    return float(found.mean()) if len(found) else math.nan


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return values[np.isfinite(values)]


def _format_trouble(scored: EpisodeRows) -> float:
    turns = np.nansum(scored.numbers("turns"))
    spoiled = np.nansum(scored.numbers("format_errors")) + np.nansum(
        scored.numbers("format_repairs")
    )
    return float(spoiled / turns) if turns else 0.0


def _flags(scored: int, infrastructure: int, attempted: int, trouble: float) -> tuple[str, ...]:
    flags = []
    if attempted and not scored:
        flags.append("nothing scored")
    elif scored < FEWEST_EPISODES:
        flags.append(f"n below {FEWEST_EPISODES}")
    if attempted and infrastructure / attempted >= TOLERATED:
        flags.append("infrastructure failures")
    if trouble >= FORMAT_DOMINATES:
        flags.append("format errors dominate")
    return tuple(flags)


def _check_sums(cell: CellFigures) -> None:
    """The levels make up what was scored, and that with infrastructure what was attempted."""
    rate = cell.success
    holds = (
        cell.full + cell.partial + cell.failed == cell.scored
        and cell.scored + cell.infrastructure == cell.attempted
        and (not cell.scored or 0 <= rate.low <= rate.estimate <= rate.high <= 1)
    )
    if not holds:
        raise SuiteError(
            "a report's counts do not add up: "
            f"full {cell.full} + partial {cell.partial} + failed {cell.failed} of {cell.scored} "
            f"scored; {cell.infrastructure} infrastructure of {cell.attempted} attempted; "
            f"success {rate.estimate} in [{rate.low}, {rate.high}]",
            hint="this is a bug in Stormproof or a damaged results folder: keep it and report it",
        )
