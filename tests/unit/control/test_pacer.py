from random import Random

import pytest

from windtunnel.control.pacer import Pacer


def drive(pacer: Pacer, rate: float, burst: float, seconds: float) -> tuple[float, float]:
    """A bare token bucket behind a pacer that hears at once; share delivered, share refused."""
    level, now, accepted, refused = burst, 0.0, 0, 0
    pacer.believed, pacer.measured = 3 * rate, True  # a wrong belief to begin with
    pacer.pace.rate = 3 * rate
    rng = Random(1)
    while now < seconds:
        later = max(now, pacer.ready_at) + rng.uniform(0, 0.002)
        level = min(burst, level + (later - now) * rate)
        now = later
        pacer.sent(now, grow=True)
        if level >= 1:
            level -= 1
            accepted += 1
            pacer.accepted(now)
        else:
            refused += 1
            pacer.cut(now, 0.1)
            pacer.empty(now, accepted, certain=True)
    return accepted / (rate * seconds + burst), refused / (accepted + refused)


@pytest.mark.parametrize("rate", [5.0, 50.0])
@pytest.mark.parametrize("burst", [2.0, 100.0])
def test_it_finds_the_rate_between_empty_buckets(rate: float, burst: float) -> None:
    share, refused = drive(Pacer(), rate, burst, 300)
    assert share > 0.97
    assert refused < 0.03


def test_two_empty_buckets_are_the_limit_itself() -> None:
    pacer = Pacer()
    pacer.accepted(0.0)
    pacer.cut(0.0, 0.1)
    pacer.empty(0.0, 100, certain=True)
    pacer.cut(10.0, 0.1)
    pacer.empty(10.0, 170, certain=True)
    assert pacer.believed == 7.0
