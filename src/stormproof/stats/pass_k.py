"""pass@1 and pass^k: the chances that one try, or k tries, at a task succeed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from stormproof.stats.rates import Numbers, Rate, clustered, mean

PASS_DEFINITIONS: Final[Mapping[str, str]] = {
    "pass@1": "the chance that one try at a task succeeds: the mean over tasks of each task's "
    "share of successful replicates",
    "pass^k": "the chance that k tries at one task all succeed: the mean over tasks of "
    "C(successes, k) / C(replicates, k)",
}


def pass_at_1(
    successes: Numbers, trials: Numbers, *, weights: Numbers | None = None, level: float = 0.95
) -> Rate:
    """Mean over tasks of successes/trials (Chen et al. 2021, arXiv:2107.03374, at k = 1)."""
    return pass_hat_k(successes, trials, 1, weights=weights, level=level)


def pass_hat_k(
    successes: Numbers,
    trials: Numbers,
    k: int,
    *,
    weights: Numbers | None = None,
    level: float = 0.95,
) -> Rate:
    """Probability that k tries all succeed (Yao et al. 2024, arXiv:2406.12045): C(c,k)/C(n,k).

    Tasks with fewer than k trials are left out, since the estimator is undefined there. `weights`
    say what each task counts in the mean, which is 1 where none are given.
    """
    counts, n = np.asarray(successes, float), np.asarray(trials, float)
    kept = (n >= k) & (n > 0)
    pairs = zip(counts[kept], n[kept], strict=True)
    values = np.asarray([math.comb(round(c), k) / math.comb(round(m), k) for c, m in pairs])
    if weights is None:
        return mean(values, level=level)
    own = np.asarray(weights, float)[kept]
    return clustered(values * own, own, level=level)
