from __future__ import annotations

import math

import numpy as np
import pytest

from stormproof.stats import ROBUSTNESS_DEFINITIONS, retention, sensitivity, slope


def test_retention_is_a_ratio_on_the_same_tasks() -> None:
    flawed, optimal = [1.0, 0, 0, 1] * 10, [1.0, 1, 0, 1] * 10
    found = retention(flawed, optimal)
    assert found.estimate == pytest.approx(2 / 3)
    assert 0 < found.low < 2 / 3 < found.high < 1


def test_slope_of_a_line() -> None:
    rates = [0.6, 0.8, 1.0]
    level = [[0.3] * 20, [0.4] * 20, [0.5] * 20]
    assert slope(rates, level).estimate == pytest.approx(0.5)
    flat = slope(rates, [[1.0, 0.0] * 10] * 3)
    assert flat.estimate == pytest.approx(0)
    assert -0.25 < flat.low < 0 < flat.high < 0.25


def test_slope_counts_coupled_luck_once() -> None:
    """Coupled draws make the same tasks fall at each lower rate: the slope is surer for it."""
    rng = np.random.default_rng(4)
    luck = rng.random(60)
    coupled = [list((luck < rate).astype(float)) for rate in (0.5, 0.7, 0.9)]
    apart = [list((rng.random(60) < rate).astype(float)) for rate in (0.5, 0.7, 0.9)]
    a, b = slope([0.5, 0.7, 0.9], coupled), slope([0.5, 0.7, 0.9], apart)
    assert a.high - a.low < b.high - b.low


def test_sensitivity_of_no_effect_and_of_a_known_one() -> None:
    rng = np.random.default_rng(6)
    same = (rng.random(300) < 0.6).astype(float)
    assert sensitivity([same, same, same]).estimate == 0
    known = np.vstack([(rng.random(4000) < p).astype(float) for p in (0.4, 0.6, 0.8)])
    found = sensitivity(known)
    assert found.estimate == pytest.approx(np.std([0.4, 0.6, 0.8]), abs=0.02)
    assert found.low < np.std([0.4, 0.6, 0.8]) < found.high


def test_sensitivity_is_not_made_of_chance() -> None:
    """Plain spread between prompt means would say 0.08 here, where there is no effect at all."""
    rng = np.random.default_rng(7)
    found = [sensitivity((rng.random((4, 30)) < 0.5).astype(float)).estimate for _ in range(200)]
    assert np.median(found) < 0.05


def test_sensitivity_of_opposites_is_exact() -> None:
    assert sensitivity([[1.0] * 10, [0.0] * 10]).estimate == 0.5


def test_sensitivity_covers_where_prompts_vary_unequally() -> None:
    """Rates .01, .05, .05 and .20: an F test, which takes their variances for equal, covers .82."""
    rng, rates = np.random.default_rng(9), np.array([0.01, 0.05, 0.05, 0.20])
    found = [sensitivity((rng.random((4, 100)) < rates[:, None]).astype(float)) for _ in range(150)]
    assert np.mean([x.low <= rates.std() <= x.high for x in found]) > 0.91


def test_three_tasks_leave_the_sensitivity_open() -> None:
    found = sensitivity([[1.0] * 3, [1.0] * 3, [0.0] * 3])
    assert found.high - found.low > 0.1


def test_sensitivity_needs_something_to_compare() -> None:
    for table in ([[1.0, 0.0]], [[1.0], [0.0]], []):
        found = sensitivity(table)
        assert math.isnan(found.estimate)
        assert (found.low, found.high) == (0, 1)


def test_every_index_has_a_definition() -> None:
    assert set(ROBUSTNESS_DEFINITIONS) == {"sensitivity", "retention", "slope"}
