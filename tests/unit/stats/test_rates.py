from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from stormproof.stats import clustered, mean, wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    hits, n = counts
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    found = wilson(hits, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_wilson_from_the_literature() -> None:
    """Newcombe 1998, Stat. Med. 17:857, table I: 81 of 263 and 0 of 20."""
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)


def test_without_trials_nothing_is_known() -> None:
    for found in (wilson(0, 0), clustered([], []), mean([]), clustered([0, 0], [0, 0])):
        assert math.isnan(found.estimate)
        assert (found.low, found.high, found.n) == (0, 1, 0)


def test_one_trial_a_task_is_wilson() -> None:
    assert clustered([1, 0, 1, 1, 0], [1] * 5) == wilson(3, 5)


def test_copies_of_a_trial_tell_nothing_new() -> None:
    """Ten equal replicates of each task inform as little as one."""
    hits = np.array([1.0] * 12 + [0.0] * 28)
    copied, single = clustered(hits * 10, [10.0] * 40), wilson(12, 40)
    assert copied.estimate == single.estimate
    assert (copied.n, copied.tasks) == (400, 40)
    assert copied.high - copied.low >= single.high - single.low


def test_independent_replicates_tell_nearly_as_much_as_tasks() -> None:
    rng = np.random.default_rng(5)
    hits = rng.binomial(10, 0.4, 60).astype(float)
    found, all_trials = clustered(hits, [10.0] * 60), wilson(float(hits.sum()), 600)
    one_each = wilson(24, 60)
    width = found.high - found.low
    assert (all_trials.high - all_trials.low) * 0.9 < width < (one_each.high - one_each.low) * 0.6


@given(
    st.lists(
        st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=30
    )
)
def test_clustered_stays_in_bounds(tasks: list[tuple[int, int]]) -> None:
    found = clustered([h for h, _ in tasks], [n for _, n in tasks])
    assert found.n == sum(n for _, n in tasks)
    assert 0 <= found.low <= found.high <= 1
    if found.n:
        assert found.low - 1e-12 <= found.estimate <= found.high + 1e-12


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_mean_stays_in_bounds(values: list[float]) -> None:
    found = mean(values)
    assert found.estimate == pytest.approx(sum(values) / len(values))
    assert 0 <= found.low <= found.estimate + 1e-12
    assert found.estimate - 1e-12 <= found.high <= 1


def test_mean_of_zeros_and_ones_is_wilson() -> None:
    assert mean([1, 0, 0, 1]) == wilson(2, 4)


def test_mean_of_like_values_is_surer_than_of_coin_flips() -> None:
    near = mean([0.5, 0.52, 0.48, 0.5] * 10)
    flips = wilson(20, 40)
    assert near.high - near.low < (flips.high - flips.low) / 4
    assert near.low < 0.5 < near.high


def alike(rng: np.random.Generator, kinds: int, each: int) -> tuple[Any, Any]:
    """Tasks of a kind that succeed together, more or less, around one half."""
    kind = np.repeat(np.arange(kinds), each)
    return (rng.random(kinds * each) < rng.beta(1.2, 1.2, kinds)[kind]).astype(float), kind


def test_tasks_of_one_kind_that_are_alike_count_for_less() -> None:
    """Plain Wilson covers .78 here."""
    rng = np.random.default_rng(11)
    found = [(mean(v, kinds=k), mean(v)) for v, k in (alike(rng, 10, 5) for _ in range(400))]
    assert np.mean([by.low <= 0.5 <= by.high for by, _ in found]) > 0.93
    assert np.mean([plain.low <= 0.5 <= plain.high for _, plain in found]) < 0.85


def test_kinds_that_differ_by_chance_alone_change_little() -> None:
    values = [1.0, 0.0] * 20
    by_kind = [i // 4 for i in range(40)]
    assert mean(values, kinds=by_kind) == wilson(20, 40)
    assert mean(values, kinds=list(range(40))) == wilson(20, 40)
    assert mean(values, kinds=[0] * 40) == wilson(20, 40)


def test_weights_count_tasks_as_kish_does() -> None:
    """One task that weighs as much as nine others together is worth far less than ten."""
    found = clustered([9.0, *[0.0] * 9], [9.0, *[1.0] * 9])
    assert found.estimate == pytest.approx(0.5)
    assert found.high - found.low > wilson(5, 10).high - wilson(5, 10).low
