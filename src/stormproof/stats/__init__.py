"""Intervals, paired comparisons and indices. Pure: numbers in, numbers out.

Every public function names its formula and where it comes from. `benchmarks/coverage.py`
measures the coverage of each interval by simulation.
"""

from stormproof.stats.contrasts import (
    Comparison,
    Contrast,
    bootstrap_difference,
    compare,
    difference,
    holm,
    linear,
    mcnemar,
    ratio,
)
from stormproof.stats.indices import pass_at_1, pass_hat_k, retention, sensitivity, slope
from stormproof.stats.power import detectable_difference, tasks_needed
from stormproof.stats.rates import Rate, clustered, mean, wilson

__all__ = [
    "Comparison",
    "Contrast",
    "Rate",
    "bootstrap_difference",
    "clustered",
    "compare",
    "detectable_difference",
    "difference",
    "holm",
    "linear",
    "mcnemar",
    "mean",
    "pass_at_1",
    "pass_hat_k",
    "ratio",
    "retention",
    "sensitivity",
    "slope",
    "tasks_needed",
    "wilson",
]
