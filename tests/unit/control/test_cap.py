import pytest

from stormproof.control.cap import (
    DOUBLING_S,
    FASTEST,
    LAST_PROBE_S,
    LAST_SENDS,
    START,
    Cap,
)
from stormproof.control.controller import Fate, Sent
from stormproof.control.measured import Measured


def send(cap: Cap, number: int, now: float) -> Sent:
    sent = Sent(now, number, 0, 0, 1.0)
    cap.sent(sent, now)
    return sent


def accept(cap: Cap, number: int, now: float) -> None:
    sent = send(cap, number, now)
    sent.fate = Fate.ACCEPTED
    cap.evidence(sent, now)
    cap.raise_to(number, now)


def limit(cap: Cap, now: float) -> int:
    """How many may be in flight now."""
    number = 0
    while cap.ready_at(now, number) <= now:
        number += 1
    return number


def stand(cap: Cap, number: int, now: float) -> float:
    """Refuse above `number` until that is certain; when."""
    for _ in range(10):
        cap.cut(number + 1, now)
        now = cap.ready_at(now, number)
        send(cap, number + 1, now)
    cap.cut(number + 1, now)
    return now


def test_it_ramps_by_the_clock_where_sends_are_accepted() -> None:
    cap, sizes = Cap(Measured()), list[float]()
    for tick in range(800):
        sizes.append(limit(cap, tick / 100))
        accept(cap, int(sizes[-1]), tick / 100)
    assert sizes[160] == pytest.approx(START * 2 ** (1.6 / DOUBLING_S), rel=0.2)
    assert sizes[790] - sizes[690] == pytest.approx(FASTEST, rel=0.1)


def test_it_begins_small_so_that_a_cap_of_one_refuses_once() -> None:
    assert limit(Cap(Measured()), 0.0) == START == 2


def test_it_does_not_grow_on_room_that_nobody_used() -> None:
    cap = Cap(Measured())
    accept(cap, 1, 0.0)
    limit(cap, 0.0)
    assert limit(cap, 1000.0) <= 4


def test_it_cuts_to_what_held_and_probes_one_above() -> None:
    cap = Cap(Measured())
    accept(cap, 20, 0.0)
    cap.cut(25, 1.0)
    assert limit(cap, 1.0) == 24
    assert limit(cap, cap.ready_at(1.0, 24)) == 25


def test_a_refused_probe_waits_longer_and_a_passed_one_goes_on_at_once() -> None:
    cap = Cap(Measured())
    cap.cut(11, 0.0)
    first = cap.ready_at(0.0, 10)
    send(cap, 11, first)
    cap.cut(11, first)
    later = cap.ready_at(first, 10)
    assert later - first > first
    accept(cap, 11, later)
    assert cap.believed == 11
    assert limit(cap, later + 1) == 13  # two above now


def test_probes_grow_rare_in_answers_so_that_a_small_cap_is_refused_ever_less() -> None:
    measured = Measured()
    cap = Cap(measured)
    slow = stand(cap, 1, 0.0)
    assert cap.ready_at(slow, 1) - slow == LAST_SENDS  # at one a second
    measured.recent_rps = 1000.0
    fast = stand(cap, 1, slow)
    assert cap.ready_at(fast, 1) - fast == pytest.approx(LAST_PROBE_S)


def test_a_cap_that_fell_returns_to_what_it_was() -> None:
    cap = Cap(Measured())
    now = stand(cap, 20, stand(cap, 60, 0.0))
    accept(cap, 23, now)
    assert limit(cap, now + 1) == 60


def test_what_was_held_long_ago_no_longer_counts() -> None:
    cap = Cap(Measured())
    accept(cap, 50, 0.0)
    for _ in range(2):
        for _ in range(30):
            accept(cap, 9, 1.0)
        cap.forget(1.0)
    assert cap.held == 9
