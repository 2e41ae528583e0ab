"""One cell of a table: what a group of trials says, with its uncertainty and what spoils it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from stormproof.errors import SuiteError
from stormproof.report.frame import Frame
from stormproof.stats import Rate, clustered, mean

SHORT_N = 20
MUCH_INFRASTRUCTURE = 0.05
FORMAT_DOMINATES = 0.5
_PARTIAL_WEIGHT = 0.5


class Cell(Struct, frozen=True):
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


def cell_of(group: Frame) -> Cell:
    """Count a group, and hold it to DESIGN rule 10."""
    scored = group.at(~group.is_value("outcome", "infrastructure"))
    full = scored.is_value("success", "full")
    partial = scored.is_value("success", "partial")
    success = success_rate(scored)
    ceiling = average(scored.numbers("ceiling"))
    trouble = _format_trouble(scored)
    n, infrastructure = len(scored), len(group) - len(scored)
    cell = Cell(
        attempted=len(group),
        scored=n,
        infrastructure=infrastructure,
        full=int(full.sum()),
        partial=int(partial.sum()),
        failed=int(scored.is_value("success", "failed").sum()),
        success=success,
        weighted=float((full + _PARTIAL_WEIGHT * partial).mean()) if n else math.nan,
        steps=average(scored.numbers("calls")),
        coverage=mean(_finite(scored.numbers("tool_coverage"))),
        ceiling=ceiling,
        share=share_of(success, ceiling) if n else None,
        trouble=trouble,
        flags=_flags(n, infrastructure, len(group), trouble),
    )
    _hold_to_rule_10(cell)
    return cell


def success_rate(scored: Frame) -> Rate:
    """Full success, clustered by task where tasks occur more than once."""
    hits, trials = per_task(scored)
    return clustered(hits, trials)


def per_task(scored: Frame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
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


def _format_trouble(scored: Frame) -> float:
    turns = np.nansum(scored.numbers("turns"))
    spoiled = np.nansum(scored.numbers("format_errors")) + np.nansum(
        scored.numbers("format_repairs")
    )
    return float(spoiled / turns) if turns else 0.0


def _flags(scored: int, infrastructure: int, attempted: int, trouble: float) -> tuple[str, ...]:
    flags = []
    if attempted and not scored:
        flags.append("nothing scored")
    elif scored < SHORT_N:
        flags.append(f"n below {SHORT_N}")
    if attempted and infrastructure / attempted >= MUCH_INFRASTRUCTURE:
        flags.append("infrastructure failures")
    if trouble >= FORMAT_DOMINATES:
        flags.append("format errors dominate")
    return tuple(flags)


def _hold_to_rule_10(cell: Cell) -> None:
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
