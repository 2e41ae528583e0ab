from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from stormproof.stats import (
    bootstrap_difference,
    compare,
    difference,
    holm,
    linear,
    mcnemar,
    ratio,
)

bits = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[float], list[float]]:
    a = [1.0] * (both + first) + [0.0] * (second + neither)
    b = [1.0] * both + [0.0] * first + [1.0] * second + [0.0] * neither
    return a, b


def score_statistic(plus: int, minus: int, n: int, delta: float) -> float:
    """Tango's statistic, its nuisance parameter found by maximising the likelihood itself."""

    def minus_log_likelihood(q: float) -> float:
        p = q + delta
        return -(
            plus * math.log(p) + minus * math.log(q) + (n - plus - minus) * math.log(1 - p - q)
        )

    low, high = max(1e-9, 1e-9 - delta), (1 - delta) / 2 - 1e-9
    q = optimize.minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    return (plus - minus - n * delta) / math.sqrt(n * (2 * q + delta - delta**2))


@pytest.mark.parametrize(("plus", "minus", "n"), [(9, 3, 40), (1, 14, 50), (5, 5, 30), (20, 6, 60)])
def test_difference_inverts_the_score_test(plus: int, minus: int, n: int) -> None:
    a, b = pairs(4, plus, minus, n - 4 - plus - minus)
    found = difference(a, b)
    assert found.estimate == pytest.approx((plus - minus) / n)
    z = stats.norm.ppf(0.975)
    assert score_statistic(plus, minus, n, found.low) == pytest.approx(z, abs=1e-3)
    assert score_statistic(plus, minus, n, found.high) == pytest.approx(-z, abs=1e-3)


@given(bits)
def test_difference_turns_with_its_sides(both: list[tuple[int, int]]) -> None:
    a, b = [float(x) for x, _ in both], [float(y) for _, y in both]
    there, back = difference(a, b), difference(b, a)
    assert there.estimate == pytest.approx(-back.estimate)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-6)
    assert -1 <= there.low <= there.estimate + 1e-9
    assert there.estimate - 1e-9 <= there.high <= 1


def test_pairing_sharpens_a_difference() -> None:
    """The same rates: nearly the same tasks succeed, or unrelated ones do."""
    together = difference(*pairs(25, 5, 0, 20))
    apart = difference(*pairs(15, 15, 10, 10))
    assert together.estimate == apart.estimate == pytest.approx(0.1)
    assert together.low > 0 > apart.low


def test_nothing_compared_is_nothing_known() -> None:
    assert difference([], []).low == -1
    assert ratio([], []).high == math.inf
    assert math.isnan(difference([], []).estimate)


def test_mcnemar_mid_p_by_hand() -> None:
    """6 against 1 discordant: 2·P(X ≤ 1) - P(X = 1) = (2·8 - 7)/128."""
    assert mcnemar(*pairs(3, 6, 1, 2)) == pytest.approx(9 / 128)
    assert mcnemar(*pairs(5, 4, 4, 1)) == 1
    assert mcnemar(*pairs(5, 0, 0, 1)) == 1


def test_mcnemar_mid_p_keeps_its_level() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(600):
        shared = rng.random(80) < 0.5
        a, b = (np.where(shared, 1.0, rng.random(80) < 0.4) for _ in range(2))
        found.append(mcnemar(a, b) < 0.05)
    assert 0.025 < np.mean(found) < 0.07


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_only_raises_and_keeps_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    by_p = [adjusted[i] for i in sorted(range(len(p_values)), key=lambda i: p_values[i])]
    assert by_p == sorted(by_p)


def test_compare_chooses_its_method_by_the_data() -> None:
    ones = compare("", *pairs(10, 8, 1, 6))
    assert ones.method == "McNemar mid-p"
    assert ones.p_value == mcnemar(*pairs(10, 8, 1, 6))
    shares = compare("", [0.5, 1.0, 0.75, 0.5] * 6, [0.25, 0.75, 0.5, 0.5] * 6)
    assert shares.method == "paired bootstrap"
    assert shares.p_value < 0.05
    assert 0 < shares.difference.low < shares.difference.estimate < shares.difference.high


def test_bootstrap_agrees_with_students_t() -> None:
    rng = np.random.default_rng(3)
    a = rng.random(80)
    b = np.clip(a + rng.normal(0.02, 0.1, 80), 0, 1)
    found, p = bootstrap_difference(a, b)
    expected = stats.ttest_rel(a, b)
    t = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((t.low, t.high), abs=0.006)
    assert p == pytest.approx(expected.pvalue, abs=0.03)


def test_linear_contrast_contains_its_estimate() -> None:
    found = linear([[1, 1, 0, 1], [0, 1, 0, 1]], [1.0, -1.0])
    assert found.estimate == pytest.approx(0.25)
    assert found.low < 0.25 < found.high
    assert found.tasks == 4


def test_ratio_of_equals_is_one() -> None:
    values = [1.0, 0.0, 1.0, 1.0] * 10
    found = ratio(values, values)
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1), abs=0.12)


def test_one_success_that_coincides_proves_no_equality() -> None:
    found = ratio([1.0] + [0.0] * 19, [1.0] + [0.0] * 19)
    assert found.low < 0.5
    assert found.high > 2


def test_ratio_to_nothing_has_no_bound() -> None:
    found = ratio([1.0, 0.0, 1.0], [0.0, 0.0, 0.0])
    assert math.isnan(found.estimate)
    assert found.high == math.inf
    assert found.low >= 0


def test_one_task_is_compared_without_a_warning() -> None:
    assert ratio([1.0], [0.5]).low >= 0
    assert linear([[0.5], [0.25]], [1.0, -1.0]).estimate == 0.25


def test_three_tasks_that_agree_prove_nothing() -> None:
    first, second = [0.9, 0.6, 0.8], [0.55, 0.3, 0.45]
    found, p = bootstrap_difference(first, second)
    assert p >= 0.25  # the surest that three signs can be
    assert difference(first, second).low < 0 < difference(first, second).high
    assert found.tasks == 3


@pytest.mark.parametrize("noise", [0.0, 1e-17])
def test_differences_that_are_all_alike_have_a_p_value(noise: float) -> None:
    """Their signs alone speak, whatever the last digit of a subtraction says."""
    first = [0.75 + noise * (i % 2) for i in range(8)]
    assert compare("", first, [0.5] * 8).p_value == 2.0**-7
    assert compare("", [0.1 + 0.2] * 8, [0.3] * 8).p_value == 1.0


def test_kinds_that_differ_alike_widen_a_difference() -> None:
    kinds = [i // 8 for i in range(48)]
    first = [float(kind % 3 > 0) for kind in kinds]
    second = [float(kind % 3 == 0) for kind in kinds]
    by_kind, plain = compare("", first, second, kinds=kinds), compare("", first, second)
    assert by_kind.method == "Student's t over kinds of task"
    assert by_kind.p_value > plain.p_value
    assert by_kind.difference.low < plain.difference.low
    assert by_kind.difference.estimate == plain.difference.estimate
