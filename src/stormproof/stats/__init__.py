"""Intervals, paired comparisons and one-number summaries. Pure: numbers in, numbers out.

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
from stormproof.stats.pass_k import PASS_DEFINITIONS, pass_at_1, pass_hat_k
from stormproof.stats.power import detectable_difference, tasks_needed
from stormproof.stats.rates import Rate, clustered, mean, wilson
from stormproof.stats.robustness import (
    ROBUSTNESS_DEFINITIONS,
    retention,
    sensitivity,
    slope,
    slope_weights,
)

__all__ = [
    "PASS_DEFINITIONS",
    "ROBUSTNESS_DEFINITIONS",
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
    "slope_weights",
    "tasks_needed",
    "wilson",
]
