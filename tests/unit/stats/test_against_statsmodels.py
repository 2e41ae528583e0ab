"""The formulas against statsmodels, which was written by others, to 1e-9."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from stormproof.stats import clustered, holm, linear, mcnemar, slope, wilson


def close(expected: Any) -> Any:
    """Equal to nine places."""
    return pytest.approx(expected, abs=1e-9, rel=0.0)


@pytest.mark.parametrize("n", [1, 7, 20, 400])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson(n: int, share: float, level: float) -> None:
    hits = round(share * n)
    found = wilson(hits, n, level=level)
    expected = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    assert (found.low, found.high) == close(expected)


def test_holm() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 9, 40):
        p_values = rng.random(size) ** 3
        expected = multipletests(p_values, method="holm")[1]
        assert holm(list(p_values)) == close(expected)


@pytest.mark.parametrize(("plus", "minus"), [(6, 1), (12, 5), (1, 14), (3, 3), (30, 11)])
def test_mcnemar_mid_p(plus: int, minus: int) -> None:
    """Mid-p is the exact value less the probability of what was seen."""
    a = [1.0] * plus + [0.0] * minus + [1.0] * 4
    b = [0.0] * plus + [1.0] * minus + [1.0] * 4
    exact = their_mcnemar([[4, plus], [minus, 0]], exact=True).pvalue
    seen = stats.binom.pmf(min(plus, minus), plus + minus, 0.5)
    expected = 1.0 if plus == minus else exact - seen
    assert mcnemar(a, b) == close(expected)


def tasks(seed: int) -> tuple[Any, Any]:
    """Successes and trials of tasks with unequal numbers of replicates."""
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 7, 60)
    return rng.binomial(trials, rng.beta(2, 2, 60)), trials


@pytest.mark.parametrize("seed", range(4))
def test_the_cluster_robust_variance(seed: int) -> None:
    """Of a mean by least squares on the trials, clustered by task: the limits follow from it."""
    hits, trials = tasks(seed)
    outcome = np.concatenate(
        [[1.0] * h + [0.0] * (n - h) for h, n in zip(hits, trials, strict=True)]
    )
    task = np.repeat(np.arange(len(trials)), trials)
    total, count = len(outcome), len(trials)
    fit = sm.OLS(outcome, np.ones(total)).fit(cov_type="cluster", cov_kwds={"groups": task,
                                              "use_correction": False})  # fmt: skip
    variance = float(fit.cov_params()[0, 0]) * count / (count - 1)
    p = float(outcome.mean())
    residuals = (hits - p * trials).astype(float)
    spread = float((residuals**2).sum())
    excess = float((residuals**4).sum()) - spread**2 / count
    freedom = max(2.0, min(2 * spread**2 / excess, count - 1))
    kish = total**2 / float((trials**2).sum())
    size = max(kish, min(total, p * (1 - p) / variance))
    level = 1 - 2 * (1 - stats.norm.cdf(stats.t.ppf(0.975, freedom)))
    expected = proportion_confint(p * size, size, alpha=1 - level, method="wilson")
    found = clustered(hits, trials)
    assert (found.low, found.high) == close(expected)


def test_the_slope_is_least_squares() -> None:
    rng = np.random.default_rng(2)
    rates = [0.6, 0.7, 0.9, 1.0]
    success = [(rng.random(40) < rate).astype(float) for rate in rates]
    x, y = np.repeat(rates, 40), np.concatenate(success)
    expected = sm.OLS(y, sm.add_constant(x)).fit().params[1]
    assert slope(rates, success).estimate == close(expected)


@pytest.mark.parametrize("copies", [1, 4, 25])
def test_mover_of_unrelated_groups_is_newcombes(copies: int) -> None:
    """Newcombe's hybrid score interval is MOVER where the groups do not go together."""
    a, b = [1.0, 1.0, 0.0, 0.0] * copies, [1.0, 0.0, 1.0, 0.0] * copies
    n, half = 4 * copies, 2 * copies
    expected = confint_proportions_2indep(half, n, half, n, compare="diff", method="newcomb")
    found = linear([a, b], [1.0, -1.0])
    assert (found.low, found.high) == close(expected)
