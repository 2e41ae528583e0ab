from math import inf

import pytest

from stormproof.control.window import (
    DOUBLING_S,
    EAGER_LATEST_S,
    FASTEST,
    PROBE_LATEST_S,
    START,
    Window,
)


def test_it_ramps_by_the_clock_where_sends_are_accepted() -> None:
    window, sizes = Window(), list[float]()
    for tick in range(80):
        sizes.append(window.limit(tick / 10))
        window.accepted(int(sizes[-1]), tick / 10)
    assert sizes[25] == pytest.approx(START * 2 ** (2.5 / DOUBLING_S), rel=0.1)
    assert sizes[79] - sizes[69] == pytest.approx(FASTEST, rel=0.1)


def stand(window: Window, cap: int, now: float) -> float:
    """Refuse above `cap` until that is certain; when."""
    for _ in range(6):
        window.refused(cap + 1, now)
        now = window.opens_at(now, cap)
        window.sent(cap + 1, now)
    window.refused(cap + 1, now)
    return now


def test_a_cap_that_fell_is_looked_after_more_often_and_returns_to_what_it_was() -> None:
    window = Window()
    now = stand(window, 60, 0.0)
    assert window.opens_at(now, 60) - now == PROBE_LATEST_S
    now = stand(window, 20, now)
    assert window.opens_at(now, 20) - now == EAGER_LATEST_S
    now += EAGER_LATEST_S
    window.limit(now)
    window.sent(21, now)
    window.accepted(21, now)
    assert window.limit(now) == 60


def test_what_was_held_long_ago_no_longer_counts() -> None:
    window = Window()
    window.accepted(50, 0.0)
    for _ in range(2):
        for _ in range(30):
            window.accepted(9, 1.0)
        window.forget_cap(1.0)
    assert window.held == 9


def test_it_does_not_grow_on_room_that_nobody_used() -> None:
    window = Window()
    window.accepted(4, 0.0)
    assert window.limit(1000.0) == START


def test_it_cuts_to_what_held_and_probes_one_above() -> None:
    window = Window()
    window.accepted(20, 0.0)
    window.refused(25, 1.0)
    assert window.limit(1.0) == 24
    assert window.limit(window.opens_at(1.0, 24)) == 25


def test_a_refused_probe_waits_longer_and_a_passed_one_goes_on_at_once() -> None:
    window = Window()
    window.refused(11, 0.0)
    first = window.opens_at(0.0, 10)
    window.sent(11, first)
    window.refused(11, first)
    assert window.opens_at(first, 10) - first > first
    later = window.opens_at(first, 10)
    window.sent(11, later)
    window.accepted(11, later)
    assert window.limit(later) == 13  # two above now


def test_a_probe_is_never_put_off_for_ever() -> None:
    window = Window()
    for _ in range(9):
        window.refused(11, 0.0)
    assert window.opens_at(0.0, 10) <= PROBE_LATEST_S


def test_the_declared_ceiling_holds() -> None:
    window = Window(10)
    window.accepted(10, 0.0)
    assert window.limit(100.0) == 10
    assert window.opens_at(100.0, 10) == inf
