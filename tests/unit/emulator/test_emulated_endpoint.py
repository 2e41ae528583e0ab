from __future__ import annotations

from typing import Any

import pytest

from stormproof.domain.pool import Endpoint, Limits
from stormproof.emulator.behaviour import Behaviour, Change, EmulatorOptions, Latency, Outage, Rule
from stormproof.emulator.emulated_endpoint import EmulatedEndpoint, Refusal, live_seconds


def emulated(limits: Limits | None = None, **options: Any) -> EmulatedEndpoint:
    endpoint = Endpoint(
        "e", 0, "m", "p", "openai", "https://x.example", "m", "env:K", limits=limits or Limits()
    )
    return EmulatedEndpoint(endpoint, EmulatorOptions(**options), ())


def test_time_at_full_limit_leaves_out_outages_and_counts_reduced_limits_by_their_share() -> None:
    behaviour = Behaviour(
        Limits(),
        outages=(Outage(2, 4), Outage(3, 5)),
        changes=(Change(6, 0.5), Change(8, 1.0)),
        revoked_at_s=9,
    )
    assert live_seconds(behaviour, 0, 20) == pytest.approx(2 + 1 + 1 + 1)
    assert live_seconds(behaviour, 7, 20) == pytest.approx(0.5 + 1)
    assert live_seconds(behaviour, 10, 20) == 0


def test_a_refused_request_charges_no_limit() -> None:
    s = emulated(Limits(max_workers=1, qps=1), rules=(Rule(burst_s=5),))
    s.admit(0.0, 0)
    for _ in range(10):
        assert s.refusal(0.0, 0) == Refusal("cap", float("inf"))
    s.leave()
    assert s.refusal(0.0, 0) is None


def test_the_longest_wait_is_the_one_that_counts() -> None:
    s = emulated(Limits(qps=1, tpm=60))
    s.admit(0.0, 31)
    refusal = s.refusal(0.0, 30)
    assert refusal is not None
    assert refusal.cause == "tokens"
    assert refusal.wait_s == pytest.approx(31.0)


def test_limits_change_when_their_time_has_come() -> None:
    s = emulated(Limits(max_workers=10), rules=(Rule(changes=(Change(5, 0.3), Change(9, 1.0))),))

    def room(t: float) -> int:
        count = 0
        while s.refusal(t, 0) is None:
            s.admit(t, 0)
            count += 1
        for _ in range(count):
            s.leave()
        return count

    assert [room(t) for t in (0, 5, 8.9, 9)] == [10, 3, 3, 10]


def test_what_would_have_been_admitted_is_the_least_of_its_limits() -> None:
    s = emulated(Limits(max_workers=10, qps=3), rules=(Rule(burst_s=1),))
    s.tally.first_at_s = 0.0
    s.admit(0.0, 0)
    s.leave()
    assert s.would_have_admitted(10.0) == pytest.approx(3 + 30)
    s.tally.busy_s, s.tally.answered = 20.0, 2
    assert s.would_have_admitted(10.0) == pytest.approx(10 * 10 / 10)
    free = emulated()
    free.tally.first_at_s = 0.0
    assert free.would_have_admitted(10.0) is None


def test_latency_is_lognormal_about_a_median_that_grows_with_the_output() -> None:
    s = emulated(time_scale=0.5, latency=Latency(first_token_s=1.0, token_s=0.1, sigma=0.5))
    short = sorted(s.latency_s(0) for _ in range(2001))
    long = sorted(s.latency_s(100) for _ in range(2001))
    assert short[1000] == pytest.approx(0.5, rel=0.1)
    assert long[1000] == pytest.approx(5.5, rel=0.1)
    assert short[1900] / short[1000] == pytest.approx(2.28, rel=0.2)  # exp(1.645 × 0.5)


def test_faults_come_at_their_rates_and_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[str | None]:
        s = emulated(seed=seed, faults={"500": 0.05, "reset": 0.2})
        return [s.fault() for _ in range(4000)]

    one = drawn(1)
    assert one == drawn(1) != drawn(2)
    assert one.count("500") == pytest.approx(200, abs=60)
    assert one.count("reset") == pytest.approx(800, abs=110)


def test_queued_requests_start_in_order_and_one_that_leaves_frees_no_slot() -> None:
    s = emulated(Limits(max_workers=1), rules=(Rule(kind="queue"),))
    started: list[str] = []
    starts = {name: (lambda name=name: started.append(name)) for name in "abcd"}
    for name in "abcd":
        assert s.refusal(0.0, 0) is None
        s.admit(0.0, 0)
        s.enter(starts[name])
    assert started == ["a"]
    s.forget(starts["b"])
    s.leave()
    assert started == ["a"]
    s.leave()
    assert started == ["a", "c"]
    s.leave()
    assert started == ["a", "c", "d"]
    s.forget(starts["d"])


def test_new_behaviour_keeps_count_of_those_in_flight() -> None:
    s = emulated(Limits(max_workers=2))
    s.admit(0.0, 0)
    s.behave(Behaviour(Limits(max_workers=1)))
    assert s.refusal(0.0, 0) is not None
    s.leave()
    assert s.refusal(0.0, 0) is None
