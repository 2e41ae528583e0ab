"""How far bad weather moves a model: prompt sensitivity, retention under flaws, reliability slope.

Each is one number with an interval, and a definition to print.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize

from stormproof.stats.contrasts import Contrast, correlations, linear, ratio
from stormproof.stats.rates import Kinds, Numbers, mean

_DRAWS: Final = 20_000
_FAR: Final = 4.0  # beyond any effect on rates
_Z: Final = 1.959963984540054  # of a 95 % interval

ROBUSTNESS_DEFINITIONS: Final[Mapping[str, str]] = {
    "sensitivity": "the standard deviation of the success rate between prompt types on the same "
    "tasks, less what chance alone would show; 0.10 means that wording moves success by about "
    "ten points",
    "retention": "success under a flawed plan divided by success under the correct plan, on the "
    "same tasks; 1 means that the flaw costs nothing",
    "slope": "points of success lost for each point of tool success rate lost: the least-squares "
    "slope over rates, on the same tasks; 1 means one for one",
}


def retention(
    flawed: Numbers, optimal: Numbers, *, kinds: Kinds | None = None, level: float = 0.95
) -> Contrast:
    """Robustness retention: success under the flawed plan ÷ under the correct one, paired."""
    return ratio(flawed, optimal, kinds=kinds, level=level)


def slope_weights(rates: Sequence[float]) -> list[float]:
    """What each rate's mean success counts in the slope: (x - x̄)/Σ(x - x̄)²."""
    x = np.asarray(rates, float)
    centred = x - x.mean()
    return [float(w) for w in centred / float((centred**2).sum())]


def slope(
    rates: Sequence[float],
    success: Sequence[Numbers],
    *,
    kinds: Kinds | None = None,
    level: float = 0.95,
) -> Contrast:
    """Reliability slope: least squares of success on the tool success rate, same tasks at all.

    The slope Σ(x - x̄)·mean(yₓ)/Σ(x - x̄)² is linear in the rates' means: `linear` bounds it.
    """
    return linear(success, slope_weights(rates), kinds=kinds, level=level)


def sensitivity(
    success: npt.NDArray[np.float64] | Sequence[Numbers],
    *,
    kinds: Kinds | None = None,
    level: float = 0.95,
) -> Contrast:
    """Prompt sensitivity index. `success[j][i]` is prompt type j's success on task i.

    The index is sqrt(Σ(pⱼ - p̄)²/J). Its estimate takes away what chance alone adds to the sum,
    tr(CΣC)/n with C the centring matrix (floor 0). Its limits invert a test: the sum of squares of
    a centred effect of that size in the direction that was found, plus noise with the covariance
    of the rates, over so many fixed draws. The rates' variances are those of their own intervals,
    so that they differ between prompts and are never 0; an F test takes them for equal, and covers
    .82 at rates .01, .05, .05, .20.
    """
    table = np.asarray(success, float)
    prompts, tasks = table.shape if table.ndim == 2 else (0, 0)  # noqa: PLR2004  a table
    if prompts < 2 or tasks < 2:  # noqa: PLR2004  nothing to compare
        return Contrast(math.nan, 0.0, 1.0, tasks)
    away = table.mean(axis=1) - table.mean()
    chance = float(np.trace(_centred(np.cov(table)))) / tasks
    size = math.sqrt(float((away**2).sum()))
    estimate = math.sqrt(max(0.0, size**2 - chance) / prompts)
    low, high = _effect_limits(away, _noise(table, kinds), level)
    scale = math.sqrt(prompts)
    return Contrast(
        estimate, min(estimate, low / scale), min(0.5, max(estimate, high / scale)), tasks
    )


def _centred(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CΣC: the covariance of what is left when the mean over the prompts is taken away."""
    size = len(covariance)
    centre = np.eye(size) - 1 / size
    return np.asarray(centre @ covariance @ centre, np.float64)


def _noise(table: npt.NDArray[np.float64], kinds: Kinds | None) -> npt.NDArray[np.float64]:
    """Draws of the noise in the centred rates, a row each; the same at every call."""
    tasks = table.shape[1]
    rates = [mean(row, kinds=kinds) for row in table]
    own = np.asarray([max(r.high - r.estimate, r.estimate - r.low) / _Z for r in rates])
    spreads = np.maximum(own, table.std(axis=1, ddof=1) / math.sqrt(tasks))
    covariance = _centred(correlations(list(table)) * np.outer(spreads, spreads))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(0.0, values))
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((_DRAWS, len(table)))
    spread = np.sqrt((tasks - 1) / rng.chisquare(tasks - 1, (_DRAWS, 1)))
    return np.asarray(spread * normal @ root.T, np.float64)


def _effect_limits(
    away: npt.NDArray[np.float64], noise: npt.NDArray[np.float64], level: float
) -> tuple[float, float]:
    """Sizes of an effect under which a sum of squares like this one is not rare on either side."""
    seen = float((away**2).sum())
    direction = away / math.sqrt(seen) if seen > 0 else _widest(noise)
    along, whole = noise @ direction, (noise**2).sum(axis=1)

    def above(size: float) -> float:
        return float((size**2 + 2 * size * along + whole > seen).mean())

    def at(probability: float) -> float:
        if above(0.0) >= probability:
            return 0.0
        if above(_FAR) <= probability:
            return _FAR
        return float(optimize.bisect(lambda size: above(size) - probability, 0.0, _FAR))

    return at((1 - level) / 2), at((1 + level) / 2)


def _widest(noise: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The direction in which chance alone moves the rates most."""
    return np.asarray(np.linalg.eigh(np.cov(noise.T))[1][:, -1], np.float64)
