from math import inf
from random import Random

import pytest

from stormproof.control.controller import Fate, Sent
from stormproof.control.measured import Measured
from stormproof.control.rate import RateLimit


class Bucket:
    """A bare token bucket."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.at = rate, burst, burst, 0.0

    def admits(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class Driven:
    """Endless work behind a rate that hears at once."""

    def __init__(self, believed: float = inf, *, sure: float = 0.0) -> None:
        self.rate = RateLimit(Measured())
        self.now = 0.0
        self.index = 0
        if believed < inf:
            self.rate.sure = sure
            self.rate._believe(believed)

    def send(self, *, accepted: bool) -> None:
        self.index += 1
        sent = Sent(self.now, 1, self.index, 0, 1.0)
        self.rate.sent(sent, self.now)
        sent.fate = Fate.ACCEPTED if accepted else Fate.REFUSED
        if accepted:
            self.rate._measured.accepted(self.now)
        else:
            sent.speaks_to = "rate"
            self.rate.cut(self.now)
        self.rate.evidence(sent, self.now)

    def pass_all(self, count: int, apart_s: float) -> None:
        for _ in range(count):
            self.now += apart_s
            self.send(accepted=True)

    def run(self, bucket: Bucket, until: float) -> tuple[int, int]:
        """Accepted and refused."""
        counts, rng = [0, 0], Random(1)
        while self.now < until:
            self.now = max(self.now, self.rate.ready_at(self.now, 0)) + rng.uniform(0, 0.002)
            accepted = bucket.admits(self.now)
            self.send(accepted=accepted)
            counts[not accepted] += 1
        return counts[0], counts[1]


@pytest.mark.parametrize("rate", [5.0, 50.0])
@pytest.mark.parametrize("burst", [5.0, 100.0])
@pytest.mark.parametrize("belief", [0.3, 3.0])
def test_it_finds_the_rate_between_empty_buckets(rate: float, burst: float, belief: float) -> None:
    accepted, refused = Driven(belief * rate, sure=30.0).run(Bucket(rate, burst), 300)
    assert accepted > 0.9 * (rate * 300 + burst)
    assert refused < 0.03 * accepted


@pytest.mark.parametrize("rate", [0.05, 1.0, 2.0])
def test_a_slow_endpoint_without_any_burst_is_found_and_refuses_ever_less(rate: float) -> None:
    driven, bucket = Driven(2.0), Bucket(rate, 1.0)
    driven.run(bucket, 60 / rate)
    accepted, refused = driven.run(bucket, 360 / rate)
    assert accepted > 0.85 * 300
    assert refused < 0.04 * accepted
    _, later = driven.run(bucket, 660 / rate)
    assert later <= 0.02 * 300


def test_two_empty_buckets_are_the_limit_itself() -> None:
    driven = Driven(50.0, sure=100.0)
    driven.send(accepted=False)
    driven.pass_all(70, 0.14)
    driven.now = 10.0
    driven.send(accepted=False)
    assert driven.rate.believed == 7.0


def test_what_was_measured_while_something_else_held_it_back_is_soon_refuted() -> None:
    driven = Driven()
    driven.send(accepted=False)
    driven.pass_all(60, 0.25)
    driven.send(accepted=False)
    assert driven.rate.believed == pytest.approx(4.0, rel=0.2)
    accepted, refused = driven.run(Bucket(20.0, 1.0), driven.now + 15)
    assert accepted > 0.4 * 15 * 20
    assert refused < 5


def test_while_nothing_is_asked_for_nothing_is_measured() -> None:
    driven = Driven(50.0, sure=100.0)
    driven.send(accepted=False)
    driven.now = 600.0
    for _ in range(20):
        driven.send(accepted=True)
    driven.send(accepted=False)
    assert driven.rate.believed > 20


def test_nothing_counts_before_all_that_was_sent_earlier_is_known() -> None:
    rate = RateLimit(Measured())
    first, second = Sent(0.0, 1, 1, 0, 1.0), Sent(0.0, 2, 2, 0, 1.0)
    rate.sent(first, 0.0)
    rate.sent(second, 0.0)
    second.fate = Fate.ACCEPTED
    rate.evidence(second, 0.1)
    assert rate.flow.accepted == 0
    first.fate = Fate.ACCEPTED
    rate.evidence(first, 0.2)
    assert rate.flow.accepted == 2


def test_a_rate_that_fell_is_measured_within_a_few_refusals_and_returns_to_what_it_was() -> None:
    driven, bucket = Driven(60.0, sure=100.0), Bucket(20.0, 10.0)
    driven.run(bucket, 100)
    bucket.rate = 6.0
    _, refused = driven.run(bucket, 110)
    assert driven.rate.believed == pytest.approx(6.0, rel=0.1)
    assert refused < 8
    driven.run(bucket, 200)
    bucket.rate = 20.0
    accepted, refused = driven.run(bucket, 230)
    assert accepted > 0.75 * 30 * 20
    assert refused < 10


def test_a_limit_that_rises_with_what_passes_is_followed() -> None:
    driven, bucket = Driven(2.0, sure=30.0), Bucket(2.0, 1.0)
    for second in range(120):
        bucket.rate = 2.0 * 2 ** (second / 20)
        driven.run(bucket, second + 1)
    assert driven.rate.believed > 0.6 * bucket.rate


def test_a_refusal_heard_after_its_acceptance_was_taken_for_granted_cuts_all_the_same() -> None:
    driven = Driven(5.0, sure=30.0)
    driven.send(accepted=False)
    driven.pass_all(20, 0.1)
    driven.rate.cut(driven.now)
    assert driven.rate.believed > 5.0


def test_refused_again_at_once_it_waits_until_it_knows() -> None:
    rate = Driven(50.0, sure=100.0).rate
    rate.cut(10.0)
    assert rate.ready_at(10.0, 0) < 10.1
    rate.cut(10.1)
    assert rate.ready_at(10.1, 0) > 10.3


def test_what_is_told_says_more_than_a_guess() -> None:
    rate = Driven(2.0).rate
    rate.wait_until(30.0, 10.0)
    assert rate.believed == pytest.approx(0.05)
    assert rate.ready_at(10.0, 0) == pytest.approx(30.0, abs=0.1)


def test_after_a_lull_the_pace_uses_up_what_may_be_a_window() -> None:
    driven = Driven(50.0, sure=100.0)
    for _ in range(121):
        driven.send(accepted=True)
    driven.rate.reopened(4.0, 12.0)
    assert driven.rate.believed == pytest.approx(10.0, rel=0.02)
    assert driven.rate.pace > 15


def test_what_a_full_bucket_let_through_before_a_short_lull_is_no_rate() -> None:
    driven = Driven(5.0)
    driven.pass_all(60, 0.02)
    driven.rate.reopened(1.5, 2.0)
    assert not driven.rate.sure


@pytest.mark.parametrize("rate", [5.0, 20.0, 100.0])
def test_a_start_is_refuted_either_way_within_seconds(rate: float) -> None:
    driven = Driven(2.0)
    driven.rate.begin(20.0)
    driven.run(Bucket(rate, 5.0), 12)
    assert 0.8 * rate < driven.rate.believed < 1.3 * rate
