from math import inf

import pytest

from stormproof.control.controller import Sent
from stormproof.control.pace import TOLERANCE_S, Ceiling, Pace
from stormproof.domain.pool import Limits


def drive(pace: Pace, seconds: float, step: float) -> int:
    count, now = 0, 0.0
    while now < seconds:
        while pace.ready_at <= now:
            pace.spend(now)
            count += 1
        now += step
    return count


@pytest.mark.parametrize("step", [0.001, 0.005, 0.015])
def test_a_late_clock_loses_nothing_within_the_tolerance(step: float) -> None:
    assert drive(Pace(20.0), 100, step) == pytest.approx(2000, rel=0.01)


def test_idle_time_is_not_saved_up() -> None:
    pace = Pace(10.0)
    pace.spend(0.0)
    burst = 0
    while pace.ready_at <= 100.0:
        pace.spend(100.0)
        burst += 1
    assert burst == 1 + int(TOLERANCE_S * 10)


def test_tokens_are_waited_for_after_the_send_and_corrected_later() -> None:
    ceiling = Ceiling(Limits(tpm=6000))  # 100 a second
    ceiling.sent(Sent(0.0, 1, 1, 0, 500), 0.0)
    assert ceiling.ready_at(0.0, 1) == pytest.approx(5.0 - TOLERANCE_S)
    ceiling.correct(0.0, -300)
    assert ceiling.ready_at(0.0, 1) == pytest.approx(2.0 - TOLERANCE_S)


def test_of_what_is_declared_and_what_headers_name_the_lower_binds() -> None:
    ceiling = Ceiling(Limits(rpm=60))
    for rpm, wait_s in ((30, 2.0), (600, 1.0)):
        ceiling.advertised(rpm, None)
        at = max(0.0, ceiling.ready_at(0.0, 0)) + 10
        ceiling.sent(Sent(at, 1, 1, 0, 0), at)
        assert ceiling.ready_at(at, 0) == pytest.approx(at + wait_s - TOLERANCE_S)


def test_no_more_than_the_declared_workers_are_in_flight() -> None:
    ceiling = Ceiling(Limits(max_workers=1))
    ceiling.sent(Sent(0.0, 1, 1, 0, 0), 0.0)
    assert ceiling.ready_at(0.0, 1) == inf
    assert ceiling.ready_at(0.0, 0) <= 0
