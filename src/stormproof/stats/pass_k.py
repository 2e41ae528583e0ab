"""pass@1 and pass^k: the chances that one try, or k tries, at a task succeed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from stormproof.stats.rates import Numbers, Rate, mean

PASS_DEFINITIONS: Final[Mapping[str, str]] = {
    "pass@1": "the chance that one try at a task succeeds: the mean over tasks of each task's "
    "share of successful replicates",
    "pass^k": "the chance that k tries at one task all succeed: the mean over tasks of "
    "C(successes, k) / C(replicates, k)",
}


def pass_at_1(successes: Numbers, trials: Numbers, *, level: float = 0.95) -> Rate:
    """Mean over tasks of successes/trials (Chen et al. 2021, arXiv:2107.03374, at k = 1)."""
    return pass_hat_k(successes, trials, 1, level=level)


def pass_hat_k(successes: Numbers, trials: Numbers, k: int, *, level: float = 0.95) -> Rate:
    """Probability that k tries all succeed (Yao et al. 2024, arXiv:2406.12045): C(c,k)/C(n,k).

    Tasks with fewer than k trials are left out, since the estimator is undefined there.
    """
    pairs = [
        (round(c), round(n)) for c, n in zip(successes, trials, strict=True) if n >= k and n > 0
    ]
    values = [math.comb(c, k) / math.comb(n, k) for c, n in pairs]
    return mean(values, level=level)
