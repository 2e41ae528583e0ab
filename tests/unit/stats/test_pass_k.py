from __future__ import annotations

import math

import numpy as np
import pytest

from stormproof.stats import PASS_DEFINITIONS, pass_at_1, pass_hat_k


def test_pass_hat_k_by_hand() -> None:
    """Successes 3, 2, 0 of 3: pass@1 = 5/9, pass^2 = (1 + 1/3 + 0)/3, pass^3 = 1/3."""
    hits, trials = [3, 2, 0], [3, 3, 3]
    assert pass_at_1(hits, trials).estimate == pytest.approx(5 / 9)
    assert pass_hat_k(hits, trials, 2).estimate == pytest.approx(4 / 9)
    assert pass_hat_k(hits, trials, 3).estimate == pytest.approx(1 / 3)


def test_pass_hat_k_leaves_out_tasks_with_too_few_trials() -> None:
    assert pass_hat_k([2, 1], [2, 1], 2).tasks == 1
    assert math.isnan(pass_hat_k([1], [1], 2).estimate)


def test_pass_hat_k_is_unbiased() -> None:
    rng = np.random.default_rng(2)
    hits = rng.binomial(6, 0.7, 4000).astype(float)
    assert pass_hat_k(hits, [6.0] * 4000, 3).estimate == pytest.approx(0.7**3, abs=0.015)


def test_both_have_a_definition() -> None:
    assert set(PASS_DEFINITIONS) == {"pass@1", "pass^k"}
