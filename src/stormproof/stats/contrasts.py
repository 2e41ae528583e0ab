"""Comparisons of rates that were measured on the same tasks, and their tests.

Whether the k-th call of a tool fails is drawn from the task's seed, the tool and k alone, so all
models, prompt types and rates meet the same luck on a task: every comparison of them is a paired
one. Everything here takes per-task values in one order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from scipy import optimize, stats

from stormproof.stats.rates import Kinds, Numbers, Rate, likeness_of, mean

Array = npt.NDArray[np.float64]


class Contrast(Struct, frozen=True):
    """An estimate with its interval (infinite where the data set no bound); `tasks` are pairs."""

    estimate: float
    low: float
    high: float
    tasks: int


class Comparison(Struct, frozen=True):
    """A paired difference with its p value; `adjusted` is Holm's, across the table it is in."""

    name: str
    first: Rate
    second: Rate
    difference: Contrast
    p_value: float
    adjusted: float
    method: str


FEWEST_TASKS = 6  # below it chance agreement of a few tasks is not taken for pairing
_RESAMPLED_AT_ONCE = 1_000_000  # values held while bootstrapping
_ALIKE = 1e-9
NOTHING = Contrast(math.nan, -math.inf, math.inf, 0)


def difference(
    first: Numbers, second: Numbers, *, kinds: Kinds | None = None, level: float = 0.95
) -> Contrast:
    """Interval for mean(first) - mean(second) over the same tasks, values in [0, 1].

    Zeros and ones: Tango's score interval (Tango 1998, Stat. Med. 17:891), the one that stays
    near its level with few discordant pairs. Other values (means over replicates): `linear`.
    Where tasks of one of the `kinds` differ alike, the interval is wider by as much.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) == 0:
        return Contrast(math.nan, -1.0, 1.0, 0)
    if np.isin(np.concatenate([a, b]), (0.0, 1.0)).all():
        plus, minus = int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
        found = _widened(_tango(plus, minus, len(a), level), a - b, kinds, level)
    else:
        found = linear([a, b], [1.0, -1.0], kinds=kinds, level=level)
    return Contrast(found.estimate, max(-1.0, found.low), min(1.0, found.high), found.tasks)


def linear(
    groups: Sequence[Numbers],
    weights: Sequence[float],
    *,
    kinds: Kinds | None = None,
    level: float = 0.95,
) -> Contrast:
    """Interval for Σ wᵢ·mean(groupᵢ), the groups being the same tasks in the same order.

    MOVER (Zou, Huang & Zhang 2009, Comput. Stat. Data Anal. 53:1080): each mean's own limits
    are recovered as variances, and joined by the correlations between the groups' values.
    """
    values = [np.asarray(group, float) for group in groups]
    rates = [mean(v, level=level) for v in values]
    estimate = sum(w * r.estimate for w, r in zip(weights, rates, strict=True))
    below, above = _distances(rates, weights)
    related = correlations(values) * np.sign(np.outer(weights, weights))
    low = estimate - math.sqrt(max(0.0, float(below @ related @ below)))
    high = estimate + math.sqrt(max(0.0, float(above @ related @ above)))
    found = Contrast(estimate, low, high, len(values[0]))
    return _widened(found, np.asarray(weights) @ np.vstack(values), kinds, level)


def ratio(
    first: Numbers, second: Numbers, *, kinds: Kinds | None = None, level: float = 0.95
) -> Contrast:
    """Interval for mean(first) / mean(second) over the same tasks.

    MOVER for a ratio (Donner & Zou 2012, Stat. Methods Med. Res. 21:347): R is inside when 0 is
    inside the interval of mean(first) - R·mean(second). Unbounded above when the second mean's
    interval, as seen from R, reaches 0.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if len(a) == 0:
        return Contrast(math.nan, 0.0, math.inf, 0)
    top, bottom = mean(a, level=level), mean(b, level=level)
    related = float(correlations([a, b])[0, 1])
    estimate = top.estimate / bottom.estimate if bottom.estimate > 0 else math.nan
    found = Contrast(estimate, *_ratio_limits(top, bottom, related), len(a))
    if math.isnan(estimate):
        return found
    wider = _widened(found, a - estimate * b, kinds, level)
    return Contrast(estimate, max(0.0, wider.low), wider.high, len(a))


def mcnemar(first: Numbers, second: Numbers) -> float:
    """McNemar's mid-p value for paired zeros and ones (Fagerland et al. 2013, BMC 13:91).

    Twice the binomial tail of the smaller discordant count, less the probability of that count.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    plus, minus = int((a > b).sum()), int((a < b).sum())
    if plus == minus:
        return 1.0
    pairs, fewer = plus + minus, min(plus, minus)
    tail = stats.binom.cdf(fewer, pairs, 0.5) - 0.5 * stats.binom.pmf(fewer, pairs, 0.5)
    return float(min(1.0, 2 * tail))


def bootstrap_difference(
    first: Numbers, second: Numbers, *, level: float = 0.95, draws: int = 4000, seed: int = 0
) -> tuple[Contrast, float]:
    """Paired bootstrap over tasks: interval and two-sided p value of mean(first) - mean(second).

    Studentised (Hall 1988, Ann. Stat. 16:927; Davison & Hinkley 1997, section 5.2), since the
    percentile bootstrap is too short for few tasks. For values that are neither 0 nor 1 alone.
    """
    d = _unrounded(np.asarray(first, float) - np.asarray(second, float))
    if len(d) < 2 or float(d.std()) < _ALIKE:  # noqa: PLR2004  a spread needs two
        centre = float(d.mean()) if len(d) else math.nan
        return Contrast(centre, -1.0, 1.0, len(d)), _by_signs(d)
    centre, error = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(len(d))
    roots = _studentised(d, draws, np.random.default_rng(seed))
    tail = (1 - level) / 2
    upper, lower = np.quantile(roots, [1 - tail, tail])
    p = (1 + int((np.abs(roots) >= abs(centre / error)).sum())) / (1 + len(roots))
    p = max(p, _by_signs(d))
    low, high = centre - float(upper) * error, centre - float(lower) * error
    return Contrast(centre, max(-1.0, low), min(1.0, high), len(d)), p


def compare(
    name: str,
    first: Numbers,
    second: Numbers,
    *,
    kinds: Kinds | None = None,
    level: float = 0.95,
) -> Comparison:
    """The paired comparison of two groups: McNemar for zeros and ones, else the bootstrap.

    Where tasks of one of the `kinds` differ alike: Student's t over the kinds.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    rates = mean(a, kinds=kinds, level=level), mean(b, kinds=kinds, level=level)
    p, method = _tested(a, b, kinds, level)
    return Comparison(name, *rates, difference(a, b, kinds=kinds, level=level), p, p, method)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm 1979, Scand. J. Stat. 6:65), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


def _tested(a: Array, b: Array, kinds: Kinds | None, level: float) -> tuple[float, str]:
    d = _unrounded(a - b)
    likeness = likeness_of(d - d.mean(), kinds) if len(d) else None
    if likeness is not None:
        error = math.sqrt(float(d.var(ddof=1)) / len(d) * likeness.effect)
        p = 2 * float(stats.t.sf(abs(float(d.mean())) / error, likeness.freedom))
        return p, "Student's t over kinds of task"
    if np.isin(np.concatenate([a, b]), (0.0, 1.0)).all():
        return mcnemar(a, b), "McNemar mid-p"
    return bootstrap_difference(a, b, level=level)[1], "paired bootstrap"


def _unrounded(d: Array) -> Array:
    """Differences without the noise of their subtraction: what is nearly 0 is 0."""
    return np.where(np.abs(d) < _ALIKE, 0.0, d)


def _by_signs(d: Array) -> float:
    """The surest that the signs of so many differences can be, two-sided: 2 to the 1 - n."""
    return min(1.0, 2.0 ** (1 - np.count_nonzero(d)))


def _widened(found: Contrast, values: Array, kinds: Kinds | None, level: float) -> Contrast:
    """An interval by tasks, stretched where the `values` of tasks of one kind are alike."""
    likeness = likeness_of(values - values.mean(), kinds) if len(values) else None
    if likeness is None or math.isnan(found.estimate):
        return found
    tail = (1 + level) / 2
    scale = math.sqrt(likeness.effect)
    scale *= float(stats.t.ppf(tail, likeness.freedom)) / float(stats.norm.ppf(tail))
    low = found.estimate - scale * (found.estimate - found.low)
    return Contrast(
        found.estimate, low, found.estimate + scale * (found.high - found.estimate), found.tasks
    )


def _tango(plus: int, minus: int, n: int, level: float) -> Contrast:
    z = float(stats.norm.ppf((1 + level) / 2))
    estimate = (plus - minus) / n

    def score(delta: float) -> float:
        b = -plus - minus + (2 * n - plus + minus) * delta
        c = -minus * delta * (1 - delta)
        q = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        top = plus - minus - n * delta
        return top / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, top)

    low = _root(lambda d: min(score(d), 1e9) - z, -1.0, estimate)
    high = _root(lambda d: max(score(d), -1e9) + z, estimate, 1.0)
    return Contrast(estimate, low, high, n)


def _root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a decreasing f crosses zero; the end it never reaches otherwise."""
    inside_low, inside_high = low + 1e-12, high - 1e-12
    if inside_low >= inside_high:
        return low
    if f(inside_low) <= 0:
        return low
    if f(inside_high) >= 0:
        return high
    return float(optimize.brentq(f, inside_low, inside_high, xtol=1e-10))


def _distances(rates: Sequence[Rate], weights: Sequence[float]) -> tuple[Array, Array]:
    """How far each weighted mean may lie below and above, from its own limits."""
    below, above = [], []
    for w, r in zip(weights, rates, strict=True):
        down, up = abs(w) * (r.estimate - r.low), abs(w) * (r.high - r.estimate)
        below.append(down if w >= 0 else up)
        above.append(up if w >= 0 else down)
    return np.asarray(below), np.asarray(above)


def correlations(values: Sequence[Array]) -> Array:
    """Between the groups; of zeros and ones, with half a task added for each of the four pairs.

    A few successes that happen to coincide would else correlate by 1, and give an interval
    without width (Agresti & Min 2005, Stat. Med. 24:729, add so to the 2 x 2 table). 0 where a
    group of other values is constant and nothing can be said.
    """
    v = np.vstack(values)
    added = 0.5 if np.isin(v, (0.0, 1.0)).all() else 0.0
    n = v.shape[1] + 4 * added
    means = (v.sum(axis=1) + 2 * added) / n
    products = (v @ v.T + added * (1 + np.eye(len(v)))) / n
    covariances = products - np.outer(means, means)
    spreads = np.sqrt(np.maximum(0.0, np.diag(covariances)))
    scale = np.outer(spreads, spreads)
    found = np.divide(covariances, scale, out=np.zeros_like(scale), where=scale > _ALIKE)
    if v.shape[1] < FEWEST_TASKS:
        found = np.minimum(found, 0.0)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, np.float64)


def _ratio_limits(top: Rate, bottom: Rate, related: float) -> tuple[float, float]:
    def reach(up: float, down: float, scale: float) -> float:
        return math.sqrt(max(0.0, up**2 + (scale * down) ** 2 - 2 * related * up * scale * down))

    def below(r: float) -> float:
        gap = reach(top.estimate - top.low, bottom.high - bottom.estimate, r)
        return top.estimate - r * bottom.estimate - gap

    def above(r: float) -> float:
        gap = reach(top.high - top.estimate, bottom.estimate - bottom.low, r)
        return top.estimate - r * bottom.estimate + gap

    far = 1e6
    low = 0.0 if below(0.0) <= 0 else float(optimize.brentq(below, 0.0, far))
    high = math.inf if above(far) >= 0 else float(optimize.brentq(above, 0.0, far))
    return low, high


def _studentised(d: Array, draws: int, rng: np.random.Generator) -> Array:
    size = len(d)
    fallback = d.std(ddof=1) / math.sqrt(size)  # for a resample whose values are all alike
    at_once = max(1, _RESAMPLED_AT_ONCE // size)
    parts = []
    for start in range(0, draws, at_once):
        sample = d[rng.integers(0, size, (min(at_once, draws - start), size))]
        means = sample.mean(axis=1)
        spreads = np.sqrt(np.maximum(0.0, (sample**2).mean(axis=1) - means**2) * size / (size - 1))
        spreads[spreads < _ALIKE] = fallback
        parts.append((means - d.mean()) / (spreads / math.sqrt(size)))
    return np.concatenate(parts)
