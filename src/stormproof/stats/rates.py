"""Intervals for one rate: Wilson's, and its extension to tasks with several replicates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy import stats

Numbers = Sequence[float] | npt.NDArray[np.float64]


class Rate(Struct, frozen=True):
    """A rate in [0, 1] with its interval. `n` is the trials, `tasks` the independent units.

    Without trials nothing is known: the estimate is NaN and the interval [0, 1].
    """

    estimate: float
    low: float
    high: float
    n: int
    tasks: int


UNKNOWN = Rate(math.nan, 0.0, 1.0, 0, 0)


def wilson(successes: float, n: float, *, level: float = 0.95) -> Rate:
    """Wilson's score interval for a plain proportion (Wilson 1927, JASA 22:209).

    (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Chosen over Wald, which covers 33 %
    at n = 20 and p = 0.02 where this covers 94 %, and over Clopper-Pearson, which covers 99 %.
    """
    if n <= 0:
        return UNKNOWN
    low, high = _score_limits(successes / n, n, _normal(level))
    return Rate(successes / n, low, high, round(n), round(n))


def clustered(successes: Numbers, trials: Numbers, *, level: float = 0.95) -> Rate:
    """Interval for a rate whose trials come in tasks: `successes[i]` of `trials[i]` in task i.

    Wilson's limits at the effective sample size n* = p(1-p)/v, with v the linearised (cluster-
    robust) variance of the ratio Σy/Σn, and Student's t in place of the normal (Korn & Graubard
    1998, Survey Methodology 24:193; Dean & Pagano 2015, J. Surv. Stat. Methodol. 3:484). The
    degrees of freedom are Satterthwaite's for v, 2(Σe²)²/(Σe⁴ - (Σe²)²/T) from the tasks'
    residuals e: near p = 0 or 1 a few tasks carry all of v, and T - 1 would cover 91 %.
    n* lies between the number of tasks (a task's trials inform no less than one trial) and the
    number of trials. One trial a task is Wilson's interval itself.
    """
    hits, n = np.asarray(successes, float), np.asarray(trials, float)
    hits, n = hits[n > 0], n[n > 0]
    tasks, total = len(n), float(n.sum())
    if total == tasks:
        return wilson(float(hits.sum()), total, level=level)
    p = float(hits.sum()) / total
    return _effective(p, hits - p * n, total, level)


def mean(values: Numbers, *, level: float = 0.95) -> Rate:
    """Interval for the mean of independent values in [0, 1], one a task (coverage, pass^k).

    As `clustered`: Wilson's limits at n* = m(1-m)/(s²/n). A t-interval of the same values
    leaves [0, 1], and has no width when all are equal.
    """
    found = np.asarray(values, float)
    if len(found) == 0:
        return UNKNOWN
    if np.isin(found, (0.0, 1.0)).all():
        return wilson(float(found.sum()), len(found), level=level)
    centre = float(found.mean())
    return _effective(centre, found - centre, len(found), level, most=math.inf)


def _effective(
    p: float,
    residuals: npt.NDArray[np.float64],
    total: float,
    level: float,
    *,
    most: float | None = None,
) -> Rate:
    tasks = len(residuals)
    if tasks == 1:  # one task tells nothing of how tasks differ: it weighs as one trial
        low, high = _score_limits(p, 1, _normal(level))
        return Rate(p, low, high, round(total), 1)
    squares = residuals**2
    spread = float(squares.sum())
    variance = spread / total**2 * tasks / (tasks - 1)
    size = p * (1 - p) / variance if variance > 0 else 0.0
    size = max(tasks, min(total if most is None else most, size))
    excess = float((squares**2).sum()) - spread**2 / tasks
    freedom = 2 * spread**2 / excess if excess > 0 else math.inf
    critical = float(stats.t.ppf((1 + level) / 2, max(2.0, min(freedom, tasks - 1))))
    low, high = _score_limits(p, size, critical)
    return Rate(p, low, high, round(total), tasks)


def _score_limits(p: float, n: float, z: float) -> tuple[float, float]:
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(max(0.0, p * (1 - p)) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if p <= 0 else (centre - half) / scale
    high = 1.0 if p >= 1 else (centre + half) / scale
    return max(0.0, low), min(1.0, high)


def _normal(level: float) -> float:
    return float(stats.norm.ppf((1 + level) / 2))
