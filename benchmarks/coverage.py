"""Does a 95 % interval contain the truth 95 times in 100? By simulation, at every n and p.

One JSON line per interval, n (tasks) and p: the measured coverage, its Monte Carlo error, and its
ratio to the nominal level. `--draws` sets how many samples each figure is made from.

    .venv/bin/python benchmarks/coverage.py [--draws 4000] [--only wilson]

Samples are made as Stormproof makes them: a task is easier or harder (a beta distribution with
intra-task correlation 0.3), replicates of a task share that, and two treatments of one task share
its luck (a Gaussian copula with correlation 0.5), as the coupled weather makes them do.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import stats

from stormproof.stats import (
    Contrast,
    Rate,
    clustered,
    difference,
    linear,
    mean,
    pass_hat_k,
    ratio,
    sensitivity,
    slope,
    wilson,
)

Array = npt.NDArray[np.float64]
Interval = Rate | Contrast
Sampler = Callable[[np.random.Generator, int, float], tuple[Interval, float]]

NOMINAL = 0.95
NS, PS = (20, 100, 400), (0.02, 0.5, 0.98)
REPLICATES = 5
ICC = 0.3
COUPLING = 0.5
PROMPTS = {
    0.02: (0.01, 0.05, 0.05, 0.20),
    0.5: (0.35, 0.5, 0.5, 0.65),
    0.98: (0.8, 0.95, 0.95, 0.99),
}
A_KIND = 5  # tasks of one archetype


def tasks(rng: np.random.Generator, n: int, p: float) -> Array:
    """Each task's own success probability; their mean is p."""
    size = 1 / ICC - 1
    return rng.beta(p * size, (1 - p) * size, n)


def coupled(rng: np.random.Generator, n: int, rates: tuple[float, ...]) -> list[Array]:
    """Zeros and ones of the same tasks under several treatments, with shared luck."""
    shared = rng.standard_normal(n)
    own = rng.standard_normal((len(rates), n))
    luck = math.sqrt(COUPLING) * shared + math.sqrt(1 - COUPLING) * own
    return [
        (row < stats.norm.ppf(rate)).astype(float) for row, rate in zip(luck, rates, strict=True)
    ]


def beside(p: float) -> float:
    """A second rate, some way from p and inside (0, 1)."""
    return p + 0.1 if p <= 0.5 else p - 0.1  # noqa: PLR2004  towards the middle


def sample_wilson(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """One trial a task."""
    return wilson(float(rng.binomial(n, p)), n), p


def sample_clustered(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Five replicates a task, which go together."""
    hits = rng.binomial(REPLICATES, tasks(rng, n, p)).astype(float)
    return clustered(hits, np.full(n, float(REPLICATES))), p


def sample_kinds(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """One trial a task, and tasks of one archetype that are alike."""
    kinds = np.arange(n) // A_KIND
    hits = rng.random(n) < tasks(rng, n // A_KIND, p)[kinds]
    return mean(hits.astype(float), kinds=kinds), p


def sample_kinds_difference(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Two treatments, of which one is better in some archetypes and worse in others."""
    kinds = np.arange(n) // A_KIND
    a, b = (tasks(rng, n // A_KIND, p)[kinds] for _ in range(2))
    first, second = ((rng.random(n) < q).astype(float) for q in (a, b))
    return difference(first, second, kinds=kinds), 0.0


def sample_mean(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Values between 0 and 1, such as tool coverage: shares of four tools."""
    return mean(rng.binomial(4, tasks(rng, n, p)) / 4), p


def sample_pass_hat_k(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """pass^2 of five replicates: the truth is E[q²] of the beta distribution."""
    hits = rng.binomial(REPLICATES, tasks(rng, n, p)).astype(float)
    truth = p * p + ICC * p * (1 - p)
    return pass_hat_k(hits, np.full(n, float(REPLICATES)), 2), truth


def sample_difference(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Two treatments of the same tasks, one trial each."""
    q = beside(p)
    a, b = coupled(rng, n, (p, q))
    return difference(a, b), p - q


def sample_linear(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """A difference of means over replicates."""
    q = tasks(rng, n, p)
    a, b = (rng.binomial(REPLICATES, q) / REPLICATES for _ in range(2))
    return linear([a, b], [1.0, -1.0]), 0.0


def sample_ratio(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Retention: success under one treatment divided by that under another."""
    q = beside(p)
    a, b = coupled(rng, n, (p, q))
    return ratio(a, b), p / q


def sample_slope(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Success at three tool success rates, on a line."""
    q = beside(p)
    rates = (min(p, q), (p + q) / 2, max(p, q))
    return slope([0.6, 0.8, 1.0], coupled(rng, n, rates)), abs(q - p) / 0.4


def sample_sensitivity(rng: np.random.Generator, n: int, p: float) -> tuple[Interval, float]:
    """Four prompt types whose rates differ as they may near 0, in the middle and near 1."""
    rates = PROMPTS[p]
    return sensitivity(np.vstack(coupled(rng, n, rates))), float(np.std(rates))


SAMPLERS: dict[str, Sampler] = {
    name.removeprefix("sample_"): value
    for name, value in list(globals().items())
    if name.startswith("sample_")
}


def measure(name: str, draws: int) -> Iterator[dict[str, object]]:
    """Coverage at every n and p."""
    for n in NS:
        for p in PS:
            rng = np.random.default_rng([n, round(1000 * p), len(name)])
            found = [SAMPLERS[name](rng, n, p) for _ in range(draws)]
            defined = [(i, truth) for i, truth in found if math.isfinite(i.estimate)]
            inside = [i.low - 1e-9 <= truth <= i.high + 1e-9 for i, truth in defined]
            coverage = float(np.mean(inside))
            yield {
                "figure": f"coverage.{name}",
                "n": n,
                "p": p,
                "coverage": round(coverage, 4),
                "error": round(math.sqrt(coverage * (1 - coverage) / len(inside)), 4),
                "ratio_to_nominal": round(coverage / NOMINAL, 4),
                "undefined": draws - len(defined),
            }


def main() -> None:
    """Print a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--only", choices=SAMPLERS)
    options = parser.parse_args()
    for name in [options.only] if options.only else SAMPLERS:
        for figure in measure(name, options.draws):
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
