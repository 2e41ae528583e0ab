import pytest

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
    ceiling.take(0.0, 500)
    assert ceiling.ready_at() == pytest.approx(4.5)
    ceiling.correct(0.0, -300)
    assert ceiling.ready_at() == pytest.approx(1.5)


def test_workers_are_given_back() -> None:
    ceiling = Ceiling(Limits(max_workers=1))
    ceiling.take(0.0)
    assert ceiling.ready_at() == float("inf")
    ceiling.give_back()
    assert ceiling.ready_at() <= 0
