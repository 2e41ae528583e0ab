from random import Random

import pytest

from stormproof.control.pacer import Pacer


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


def drive(pacer: Pacer, bucket: Bucket, since: float, until: float) -> tuple[int, int]:
    """Endless work behind a pacer that hears at once; accepted and refused."""
    now, accepted, refused = since, 0, 0
    rng = Random(1)
    while now < until:
        now = max(now, pacer.ready_at) + rng.uniform(0, 0.002)
        pacer.sent(now, 1.0, grow=True)
        if bucket.admits(now):
            accepted += 1
            pacer.accepted(now)
            pacer.flow.passed(1.0)
        else:
            refused += 1
            pacer.cut(now, 0.3)
            pacer.empty(now, certain=True)
    return accepted, refused


def wrong(rate: float) -> Pacer:
    """One that believes in `rate`."""
    pacer = Pacer()
    pacer.believed, pacer.measured = rate, True
    pacer.pace.rate = rate
    return pacer


@pytest.mark.parametrize("rate", [5.0, 50.0])
@pytest.mark.parametrize("burst", [5.0, 100.0])
@pytest.mark.parametrize("belief", [0.3, 3.0])
def test_it_finds_the_rate_between_empty_buckets(rate: float, burst: float, belief: float) -> None:
    accepted, refused = drive(wrong(belief * rate), Bucket(rate, burst), 0, 300)
    assert accepted > 0.95 * (rate * 300 + burst)
    assert refused < 0.03 * accepted


def test_two_empty_buckets_are_the_limit_itself() -> None:
    pacer = wrong(50.0)
    pacer.cut(0.0, 0.1)
    pacer.empty(0.0, certain=True)
    for _ in range(70):
        pacer.flow.passed(1.0)
    pacer.cut(10.0, 0.1)
    pacer.empty(10.0, certain=True)
    assert pacer.believed == 7.0


def test_a_rate_that_fell_is_measured_within_a_few_refusals_and_returns_to_what_it_was() -> None:
    pacer, bucket = wrong(60.0), Bucket(20.0, 10.0)
    drive(pacer, bucket, 0, 100)
    bucket.rate = 6.0
    _, refused = drive(pacer, bucket, 100, 110)
    assert pacer.believed == pytest.approx(6.0, rel=0.1)
    assert refused < 8
    drive(pacer, bucket, 110, 200)
    bucket.rate = 20.0
    accepted, refused = drive(pacer, bucket, 200, 230)
    assert accepted > 0.75 * 30 * 20
    assert refused < 10


def test_refused_again_at_once_it_waits_until_it_knows() -> None:
    pacer = wrong(50.0)
    pacer.cut(10.0, 0.3)
    assert pacer.ready_at < 10.1
    pacer.cut(10.1, 0.3)
    assert pacer.ready_at > 10.3


def test_after_a_lull_the_pace_uses_up_what_may_be_a_window() -> None:
    pacer = wrong(50.0)
    pacer.accepted(0.0)
    for _ in range(120):
        pacer.flow.passed(1.0)
    pacer.reopened(shut_at=4.0, refused_at=11.0, at=12.0)
    assert pacer.believed == pytest.approx(10.0)
    assert pacer.pace.rate > 15
