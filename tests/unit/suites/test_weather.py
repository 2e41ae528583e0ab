from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from stormproof.suites.weather import (
    FACTS,
    History,
    befalling,
    draw,
    drawable,
    probability,
    success_probability,
)
from stormproof.suites.workflows import WORKFLOWS

RATES = (0.3, 0.6, 0.7, 0.8, 0.9, 1.0)
NEEDS = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ("c", "x")}
ERRORS = ("INVALID_INPUT", "OPERATION_FAILED", "TIMEOUT", "NETWORK_ERROR")


def remembered(*calls: tuple[str, bool]) -> History:
    history = History()
    for tool, ok in calls:
        history.add(tool, ok=ok)
    return history


@pytest.mark.parametrize(
    ("rate", "unmet", "recent", "failed_since", "expected"),
    [
        (0.8, 0, 0, False, 0.8),
        (0.8, 1, 0, False, 0.4),
        (0.8, 2, 0, False, 0.2),
        (0.8, 0, 0, True, 0.56),
        (0.8, 0, 2, False, 0.648),
        (0.8, 1, 3, True, 0.8 * 0.5 * 0.7 * 0.729),
        (0.1, 3, 3, True, 0.05),
        (0.0, 0, 0, False, 0.05),
        (1.0, 3, 3, True, 1.0),
    ],
)
def test_formula(
    rate: float,
    unmet: int,
    recent: int,
    failed_since: bool,  # noqa: FBT001  a column of the table
    expected: float,
) -> None:
    assert probability(rate, unmet, recent, failed_since=failed_since) == pytest.approx(expected)


def test_recent_failures_count_once_there_have_been_three_calls() -> None:
    assert remembered(("a", False), ("a", False)).recent_failures == 0
    assert remembered(("a", False), ("a", False), ("a", True)).recent_failures == 2
    assert remembered(*[("a", False)] * 3, *[("b", True)] * 3).recent_failures == 0


def test_a_dependency_is_failed_since_until_it_succeeds_again() -> None:
    history = remembered(("a", False))
    assert history.unmet(("a", "b")) == ("a", "b")
    assert not history.failed_since(("a",))
    history.add("a", ok=True)
    history.add("a", ok=False)
    assert history.unmet(("a",)) == ()
    assert history.failed_since(("a",))
    history.add("a", ok=True)
    assert not history.failed_since(("a",))


def test_chance_of_a_call_reads_its_history() -> None:
    history = remembered(("a", True), ("a", False), ("x", True))
    assert success_probability(0.8, ("a", "b"), history) == pytest.approx(0.8 * 0.5 * 0.7 * 0.9)


def test_a_draw_depends_on_seed_tool_and_number_alone() -> None:
    assert draw(7, "a", 0) == draw(7, "a", 0)
    others = {draw(7, "a", 0), draw(8, "a", 0), draw(7, "b", 0), draw(7, "a", 1)}
    assert len(others) == 4
    assert draw(1, "file_operations_reader", 0).u == 0.6993187054266204  # on every machine


def test_draws_are_uniform_and_codes_even() -> None:
    draws = [draw(seed, "network_fetcher", k) for seed in range(1000) for k in range(5)]
    assert kstest([d.u for d in draws], "uniform").pvalue > 0.001
    codes = [d.error_code(ERRORS) for d in draws]
    shares = np.array([codes.count(code) for code in drawable(ERRORS)]) / len(codes)
    assert abs(shares - 1 / 3).max() < 0.03
    assert abs(np.mean([d.took_effect for d in draws]) - 0.5) < 0.03
    assert np.corrcoef([d.u for d in draws], [d.pick for d in draws])[0, 1] < 0.05


def test_weather_says_nothing_of_the_call() -> None:
    assert drawable(ERRORS) == ("OPERATION_FAILED", "TIMEOUT", "NETWORK_ERROR")
    for spec in WORKFLOWS.tools.values():
        codes = drawable(spec.errors)
        assert "TIMEOUT" in codes
        assert not FACTS.intersection(codes)


def test_troubles_are_drawn_evenly_and_from_the_seed_alone() -> None:
    drawn = Counter(befalling(seed, ("a", "b", "c")) for seed in range(3_000))
    assert all(abs(count - 1_000) < 3.3 * 26 for count in drawn.values())
    assert befalling(7, ("a", "b")) == befalling(7, ("a", "b"))
    assert befalling(7, ()) is None
    told = np.array([befalling(seed, (0, 1)) for seed in range(3_000)], float)
    assert abs(np.corrcoef(told, [draw(s, "a", 0).u for s in range(3_000)])[0, 1]) < 0.06


def play(calls: list[str], rate: float, seed: int) -> list[bool]:
    history, results = History(), []
    for tool in calls:
        chance = success_probability(rate, NEEDS[tool], history)
        ok = draw(seed, tool, history.counts[tool]).u <= chance
        history.add(tool, ok=ok)
        results.append(ok)
    return results


def persistent(plan: list[str], rate: float, seed: int, budget: int) -> list[tuple[str, bool]]:
    history = History()
    done: list[tuple[str, bool]] = []
    for tool in plan:
        ok = False
        while not ok and len(done) < budget:
            chance = success_probability(rate, NEEDS[tool], history)
            ok = draw(seed, tool, history.counts[tool]).u <= chance
            history.add(tool, ok=ok)
            done.append((tool, ok))
    return done


@given(st.lists(st.sampled_from("abcd"), max_size=20), st.integers(0, 2**53))
def test_no_call_of_a_fixed_script_gains_by_a_lower_rate(calls: list[str], seed: int) -> None:
    runs = [play(calls, rate, seed) for rate in RATES]
    for lower, higher in pairwise(runs):
        assert all(high or not low for low, high in zip(lower, higher, strict=True))


@given(
    st.lists(st.sampled_from("abcd"), max_size=6, unique=True),
    st.integers(0, 2**53),
    st.integers(1, 25),
)
def test_a_persistent_agent_never_gets_further_at_a_lower_rate(
    plan: list[str], seed: int, budget: int
) -> None:
    got = [sum(ok for _, ok in persistent(plan, rate, seed, budget)) for rate in RATES]
    assert got == sorted(got)
