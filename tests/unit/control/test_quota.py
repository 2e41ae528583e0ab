from math import inf

import pytest

from stormproof.control.quota import EARLY, LOOK_EVERY, Quota


class FixedWindow:
    """A server of `units` per `period_s`, the first window beginning at `phase`."""

    def __init__(self, units: int, period_s: float, phase: float) -> None:
        self.units, self.period_s, self.phase = units, period_s, phase
        self.counts: dict[int, int] = {}

    def admits(self, now: float) -> bool:
        window = int((now - self.phase) // self.period_s)
        if self.counts.get(window, 0) >= self.units:
            return False
        self.counts[window] = self.counts.get(window, 0) + 1
        return True


def drive(quota: Quota, server: FixedWindow, until: float) -> tuple[int, int]:
    """Send at the quota's pace, a canary every fiftieth of a period; admitted and refused."""
    now, admitted, refused, shut_at = 0.0, 0, 0, inf
    while now < until:
        ready = quota.ready_at if quota.known else -inf
        now = max(now, ready)
        quota.sent(now, 1.0)
        if server.admits(now):
            if shut_at < inf:
                quota.opened(shut_at, now - 0.02 * server.period_s, now, admitted)
                shut_at = inf
            admitted += 1
            now += 1 / quota.rate if quota.known else 0.01
        else:
            refused += 1
            quota.returned(now, 1.0)
            if not quota.refused():
                shut_at = min(shut_at, now)
                now += 0.02 * server.period_s
    return admitted, refused


@pytest.mark.parametrize("period_s", [10.0, 60.0])
@pytest.mark.parametrize("phase", [-1.0, -7.3])
def test_a_window_is_known_after_it_was_used_up_once(period_s: float, phase: float) -> None:
    quota = Quota()
    drive(quota, FixedWindow(100, period_s, phase), 3 * period_s)
    assert (quota.units, quota.period_s) == (100, period_s)


def test_a_known_window_is_used_up_whole_and_hardly_refuses() -> None:
    admitted, refused = drive(Quota(), FixedWindow(100, 10.0, -3.0), 627.0)
    assert admitted >= 0.99 * 63 * 100
    assert refused < 120  # most of them before it is known


def test_it_is_used_up_a_little_before_it_ends() -> None:
    quota = Quota()
    quota.units, quota.period_s = 95.0, 10.0
    assert quota.rate == pytest.approx(95.0 / (10.0 * EARLY))


def test_one_window_in_six_is_asked_for_more_and_finds_it() -> None:
    quota, server = Quota(), FixedWindow(100, 10.0, 0.0)
    drive(quota, server, 40.0)
    server.units = 120
    now = 40.0
    while now < 40.0 + 30 * LOOK_EVERY * 10.0:
        now = max(now, quota.ready_at)
        quota.sent(now, 1.0)
        if not server.admits(now):
            quota.returned(now, 1.0)
            quota.refused()
        now += 1 / quota.rate
    assert 115 <= quota.units <= 121


def test_a_refusal_in_the_middle_of_a_window_refutes_it() -> None:
    quota = Quota()
    drive(quota, FixedWindow(100, 10.0, 0.0), 40.0)
    assert quota.known
    quota.sent(quota.ends_at + 1, 40.0)
    assert not quota.refused()
    assert not quota.known


def test_openings_that_no_usual_period_explains_say_nothing() -> None:
    quota = Quota()
    quota.opened(0.0, 3.0, 3.1, 0.0)
    quota.returned(45.0, 1.0)
    quota.opened(45.0, 47.0, 47.1, 400.0)  # 44 s apart
    assert not quota.known
