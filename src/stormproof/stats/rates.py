"""Intervals for one rate: Wilson's, and its extension to tasks with several replicates."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy import stats

Numbers = Sequence[float] | npt.NDArray[np.float64]
Kinds = Sequence[int] | npt.NDArray[np.int64]


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


def clustered(
    successes: Numbers, trials: Numbers, *, kinds: Kinds | None = None, level: float = 0.95
) -> Rate:
    """Interval for a rate whose trials come in tasks: `successes[i]` of `trials[i]` in task i.

    Wilson's limits at the effective sample size n* = p(1-p)/v, with v the linearised (cluster-
    robust) variance of the ratio Σy/Σn, and Student's t in place of the normal (Korn & Graubard
    1998, Survey Methodology 24:193; Dean & Pagano 2015, J. Surv. Stat. Methodol. 3:484). The
    degrees of freedom are Satterthwaite's for v, 2(Σe²)²/(Σe⁴ - (Σe²)²/T) from the tasks'
    residuals e: near p = 0 or 1 a few tasks carry all of v, and T - 1 would cover 91 %.
    n* lies between the number of tasks (a task's trials inform no less than one trial) and the
    number of trials. One trial a task is Wilson's interval itself.

    `trials` may be weights that sum up to the number of trials, with `successes` weighted alike;
    the number of tasks is then Kish's, (Σn)²/Σn² (1965, Survey Sampling). `kinds[i]` is a code of
    task i's archetype: where tasks of a kind are alike, the clusters are the kinds.
    """
    hits, n = np.asarray(successes, float), np.asarray(trials, float)
    present = n > 0
    hits, n = hits[present], n[present]
    total = float(n.sum())
    if total == 0:
        return UNKNOWN
    p = min(1.0, float(hits.sum()) / total)
    own = None if kinds is None else np.asarray(kinds)[present]
    likeness = likeness_of(hits - p * n, own)
    if likeness is None and np.allclose(n, 1.0):
        return wilson(float(hits.sum()), total, level=level)
    return _effective(p, hits - p * n, n, level, total, likeness)


def mean(values: Numbers, *, kinds: Kinds | None = None, level: float = 0.95) -> Rate:
    """Interval for the mean of independent values in [0, 1], one a task (coverage, pass^k).

    As `clustered`: Wilson's limits at n* = m(1-m)/(s²/n). A t-interval of the same values
    leaves [0, 1], and has no width when all are equal.
    """
    found = np.asarray(values, float)
    if len(found) == 0:
        return UNKNOWN
    centre = float(found.mean())
    likeness = likeness_of(found - centre, kinds)
    if likeness is None and np.isin(found, (0.0, 1.0)).all():
        return wilson(float(found.sum()), len(found), level=level)
    return _effective(centre, found - centre, np.ones(len(found)), level, math.inf, likeness)


class Likeness(Struct, frozen=True):
    """How alike the tasks of a kind are: how much more the kinds vary than their tasks say.

    `effect` is the design effect, above 1; `freedom` the degrees of freedom of the kinds'
    variance, and `kinds` how many there are.
    """

    effect: float
    freedom: float
    kinds: int


def likeness_of(residuals: Numbers, kinds: Kinds | None) -> Likeness | None:
    """None where tasks of one kind vary as tasks of different kinds do, or kinds say nothing.

    `residuals` sum up to 0. The kinds' variance Σ(Σe)²·K/(K-1) stands against the tasks'.
    """
    if kinds is None:
        return None
    e = np.asarray(residuals, float)
    _, kind = np.unique(np.asarray(kinds), return_inverse=True)
    sums = np.bincount(kind, e).astype(np.float64)
    count = len(sums)
    if not 1 < count < len(e):
        return None
    tasks = float((e**2).sum()) * len(e) / (len(e) - 1)
    between = float((sums**2).sum()) * count / (count - 1)
    if between <= tasks or tasks <= 0:
        return None
    return Likeness(between / tasks, _freedom(sums), count)


def _freedom(residuals: npt.NDArray[np.float64]) -> float:
    """Satterthwaite's degrees of freedom of Σe², between 2 and one less than there are."""
    squares = residuals**2
    spread = float(squares.sum())
    excess = float((squares**2).sum()) - spread**2 / len(squares)
    found = 2 * spread**2 / excess if excess > 0 else math.inf
    return max(2.0, min(found, len(squares) - 1))


def _effective(
    p: float,
    residuals: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    level: float,
    most: float,
    likeness: Likeness | None,
) -> Rate:
    tasks, total = len(residuals), float(weights.sum())
    if tasks == 1:  # one task tells nothing of how tasks differ: it weighs as one trial
        low, high = _score_limits(p, 1, _normal(level))
        return Rate(p, low, high, round(total), 1)
    effect = 1.0 if likeness is None else likeness.effect
    least = total**2 / float((weights**2).sum()) if likeness is None else likeness.kinds
    freedom = _freedom(residuals) if likeness is None else likeness.freedom
    spread = float((residuals**2).sum())
    variance = spread / total**2 * tasks / (tasks - 1) * effect
    size = p * (1 - p) / variance if variance > 0 else 0.0
    size = max(least, min(most, size))
    critical = float(stats.t.ppf((1 + level) / 2, freedom))
    low, high = _score_limits(p, size, critical)
    return Rate(p, low, high, round(total), tasks)


def _score_limits(p: float, n: float, z: float) -> tuple[float, float]:
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(max(0.0, p * (1 - p)) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if p <= 0 else (centre - half) / scale
    high = 1.0 if p >= 1 else (centre + half) / scale
    return max(0.0, low), min(1.0, high)


@functools.cache
def _normal(level: float) -> float:
    return float(stats.norm.ppf((1 + level) / 2))
