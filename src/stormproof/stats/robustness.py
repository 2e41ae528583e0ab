"""How far bad weather moves a model: prompt sensitivity, retention under flaws, reliability slope.

Each is one number with an interval, and a definition to print.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from stormproof.stats.contrasts import Contrast, linear, ratio
from stormproof.stats.rates import Numbers

ROBUSTNESS_DEFINITIONS: Final[Mapping[str, str]] = {
    "sensitivity": "the standard deviation of the success rate between prompt types on the same "
    "tasks, less what chance alone would show; 0.10 means that wording moves success by about "
    "ten points",
    "retention": "success under a flawed plan divided by success under the correct plan, on the "
    "same tasks; 1 means that the flaw costs nothing",
    "slope": "points of success lost for each point of tool success rate lost: the least-squares "
    "slope over rates, on the same tasks; 1 means one for one",
}


def retention(flawed: Numbers, optimal: Numbers, *, level: float = 0.95) -> Contrast:
    """Robustness retention: success under the flawed plan ÷ under the correct one, paired."""
    return ratio(flawed, optimal, level=level)


def slope(rates: Sequence[float], success: Sequence[Numbers], *, level: float = 0.95) -> Contrast:
    """Reliability slope: least squares of success on the tool success rate, same tasks at all.

    The slope Σ(x - x̄)·mean(yₓ)/Σ(x - x̄)² is linear in the rates' means: `linear` bounds it.
    """
    x = np.asarray(rates, float)
    centred = x - x.mean()
    weights = [float(w) for w in centred / float((centred**2).sum())]
    return linear(success, weights, level=level)


def sensitivity(
    success: npt.NDArray[np.float64] | Sequence[Numbers], *, level: float = 0.95
) -> Contrast:
    """Prompt sensitivity index. `success[j][i]` is prompt type j's success on task i.

    Two-way layout, tasks as blocks. F = MS_prompt / MS_residual has noncentrality
    λ = tasks·Σ(pⱼ - p̄)²/σ²; the index is sqrt(λσ²/(tasks·prompts)). The estimate takes the
    expectation (J - 1) of λ under no effect away (floor 0); the limits invert the noncentral F
    (Steiger 2004, Psychol. Methods 9:164).
    """
    table = np.asarray(success, float)
    prompts, tasks = table.shape if table.ndim == 2 else (0, 0)  # noqa: PLR2004  a table
    if prompts < 2 or tasks < 2:  # noqa: PLR2004  nothing to compare
        return Contrast(math.nan, 0.0, 1.0, tasks)
    between, within = prompts - 1, (prompts - 1) * (tasks - 1)
    residual = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    noise = float((residual**2).sum()) / within
    spread = float(((table.mean(axis=1) - table.mean()) ** 2).sum())
    if noise == 0:
        exact = math.sqrt(spread / prompts)
        return Contrast(exact, exact, exact or 0.5, tasks)
    f = tasks * spread / between / noise
    scale = noise / (tasks * prompts)
    estimate = math.sqrt(max(0.0, between * (f - 1)) * scale)
    low = math.sqrt(_noncentrality(f, between, within, (1 + level) / 2) * scale)
    high = math.sqrt(_noncentrality(f, between, within, (1 - level) / 2) * scale)
    return Contrast(estimate, low, min(0.5, high), tasks)


def _noncentrality(f: float, between: int, within: int, probability: float) -> float:
    """The λ at which the noncentral F lies below `f` with this probability; 0 where none does."""

    def excess(lam: float) -> float:
        return float(stats.ncf.cdf(f, between, within, lam)) - probability

    if excess(0.0) <= 0:
        return 0.0
    top = 10.0 + 2 * f * between
    while excess(top) > 0:
        top *= 2
    return float(optimize.brentq(excess, 0.0, top, xtol=1e-6))
