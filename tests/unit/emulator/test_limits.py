from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.domain.pool import Limits
from stormproof.emulator.limits import (
    EnforcedLimit,
    FixedWindow,
    SlotCap,
    TokenBucket,
    enforced_limits,
)

steps = st.lists(st.floats(0, 0.5), min_size=1, max_size=80)


def admitted(gate: EnforcedLimit, waits: list[float]) -> list[float]:
    """The instants at which a client that asks after each wait is let through."""
    now, let = 0.0, []
    for wait in waits:
        now += wait
        if gate.wait(now, 1) == 0:
            gate.take(now, 1)
            let.append(now)
    return let


@given(steps, st.floats(0.5, 50), st.floats(1, 20))
def test_no_stretch_of_time_gets_more_than_burst_and_rate(
    waits: list[float], rate: float, burst: float
) -> None:
    let = admitted(TokenBucket("rate", rate, burst), waits)
    for first in range(len(let)):
        for last in range(first, len(let)):
            assert last - first + 1 <= burst + rate * (let[last] - let[first]) + 1e-6


@given(steps, st.floats(1, 50), st.floats(0.2, 5))
def test_no_window_gets_more_than_its_share(
    waits: list[float], rate: float, window_s: float
) -> None:
    let = admitted(FixedWindow("rate", rate, window_s), waits)
    windows = [int(now // window_s) for now in let]
    assert all(windows.count(w) <= max(1.0, rate * window_s) + 1e-6 for w in windows)


@given(st.floats(0.5, 50), st.floats(1, 20), st.integers(1, 60))
def test_a_bucket_passes_at_the_moment_it_names_and_not_before(
    rate: float, burst: float, takes: int
) -> None:
    bucket = TokenBucket("rate", rate, burst)
    for _ in range(takes):
        bucket.take(0.0, 1)
    wait = bucket.wait(0.0, 1)
    assert bucket.wait(wait + 1e-6, 1) == 0
    assert wait == 0 or bucket.wait(wait * 0.9, 1) > 0


def test_a_window_names_its_own_end() -> None:
    window = FixedWindow("rate", 1.0, 10.0)
    for _ in range(10):
        window.take(3.0, 1)
    assert window.wait(3.0, 1) == 7.0
    assert window.wait(10.0, 1) == 0.0


def test_a_cap_counts_those_in_flight_and_cannot_tell_when_one_leaves() -> None:
    cap = SlotCap(2)
    cap.take(0, 1)
    cap.take(0, 1)
    assert cap.wait(0, 1) == math.inf
    cap.release()
    assert cap.wait(0, 1) == 0


def test_more_than_a_burst_of_tokens_passes_a_full_bucket_and_is_owed() -> None:
    bucket = TokenBucket("tokens", 10.0, 100.0)
    assert bucket.wait(0, 500) == 0
    bucket.take(0, 500)
    assert bucket.wait(0, 100) == pytest.approx(50.0)


@pytest.mark.parametrize("gate", [FixedWindow("rate", 10, 1), SlotCap(10)], ids=["window", "cap"])
def test_a_change_scales_what_was_declared_and_back(gate: EnforcedLimit) -> None:
    def room(now: float) -> int:
        count = 0
        while gate.wait(now, 1) == 0:
            gate.take(now, 1)
            count += 1
        for _ in range(count):
            gate.release()
        return count

    gate.scale(0.0, 0.3)
    assert room(0.0) == 3
    gate.scale(1.0, 1.0)
    assert room(1.0) == 10


def test_a_changed_bucket_fills_at_its_new_rate_from_then_on() -> None:
    bucket = TokenBucket("rate", 10, 10)
    bucket.take(0.0, 10)
    bucket.scale(0.0, 0.5)
    assert bucket.wait(0.0, 1) == pytest.approx(0.2)
    bucket.scale(1.0, 1.0)
    assert bucket.per_minute(1.1) == pytest.approx((600, 6.0))


def test_gates_are_those_that_are_declared() -> None:
    limits = Limits(max_workers=3, qps=2, rpm=600, tpm=6000)
    assert [g.cause for g in enforced_limits(limits, burst_s=1, window_s=0)] == [
        "cap", "rate", "rate", "tokens",
    ]  # fmt: skip
    assert enforced_limits(Limits(), burst_s=1, window_s=0) == []
    kinds = {type(g) for g in enforced_limits(limits, burst_s=1, window_s=60)}
    assert kinds == {SlotCap, FixedWindow}
