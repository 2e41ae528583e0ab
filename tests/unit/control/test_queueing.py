import pytest

from stormproof.control.controller import Fate, Sent
from stormproof.control.queueing import Queue


def answers(queue: Queue, number: int, latency_s: float, count: int = 30) -> None:
    """So many answers, each to a send with `number` in flight."""
    for _ in range(count):
        queue.answered(Sent(0.0, number, 0, 0, 1.0), latency_s, 1.0)


def ramp(queue: Queue, slots: int, most: int) -> None:
    """More and more in flight at a server that works on `slots` at once, 2 s each."""
    number = 4
    while number <= most:
        answers(queue, number, 2.0 * max(1.0, number / slots))
        number += max(1, number // 4)


@pytest.mark.parametrize("slots", [8, 30, 64])
def test_it_holds_about_what_the_server_works_on_at_once(slots: int) -> None:
    queue = Queue()
    ramp(queue, slots, 6 * slots)
    assert slots <= queue.bound <= 2.5 * slots


def test_latency_that_rises_slowly_is_no_queue() -> None:
    queue, number = Queue(), 4
    while number < 250:
        answers(queue, number, 2.0 * (1 + number / 100))
        number += number // 4
    assert queue.bound > 250


def test_slower_answers_with_as_many_in_flight_are_no_queue() -> None:
    queue = Queue()
    answers(queue, 8, 2.0)
    answers(queue, 8, 15.0)
    assert queue.bound > 64


def test_it_looks_further_after_a_while() -> None:
    queue = Queue()
    ramp(queue, 10, 60)
    held = queue.bound
    answers(queue, int(held), 2.0, 500)
    assert queue.bound > 1.5 * held


def test_what_was_slow_for_a_moment_is_not_held_for_long() -> None:
    queue = Queue()
    ramp(queue, 10, 60)
    for _ in range(2500):
        answers(queue, int(queue.bound), 2.0, 1)
    assert queue.bound > 100


def test_answers_of_a_single_token_are_no_queue() -> None:
    queue = Queue()
    for number in (30, 70):
        for n in range(60):  # one in ten has a single token, and takes as long as any
            tokens = 1.0 if number > 30 and n % 10 == 0 else 100.0
            queue.answered(Sent(0.0, number, 0, 0, 1.0), 2.0, tokens)
    assert queue.bound > 100


def test_a_clock_that_stands_still_breaks_nothing() -> None:
    queue = Queue()
    answers(queue, 8, 0.0)
    answers(queue, 80, 0.0)
    assert queue.bound > 4


def test_a_server_that_refuses_does_not_make_wait() -> None:
    queue = Queue()
    ramp(queue, 8, 60)
    held = queue.bound
    refused = Sent(0.0, 9, 0, 0, 1.0)
    refused.fate = Fate.REFUSED
    queue.evidence(refused, 1.0)
    assert queue.bound > 2 * held
    ramp(queue, 8, 60)
    assert queue.bound > 2 * held


def give_up(
    queue: Queue, numbers: range, age_s: float, apart_s: float = 0.5, latency_s: float = 0.0
) -> bool:
    """Errors of one age to sends with so many in flight; whether any was explained by waiting.

    Where there is a latency, an answer with 20 in flight is heard just before each.
    """
    told = False
    for n, number in enumerate(numbers):
        now = 100.0 + n * apart_s
        if latency_s:
            queue.answered(Sent(now - latency_s - 0.1, 20, 0, 0, 1.0), now - 0.1, 1.0)
        told |= queue.gave_up(Sent(now - age_s, number, 0, 0, 1.0), now)
    return told


def test_a_gateway_that_times_out_teaches_how_many_may_wait() -> None:
    queue = Queue()
    assert give_up(queue, range(35, 60), 10.0, latency_s=6.0)
    assert 20 <= queue.bound <= 36  # a little below the third of them
    held = queue.bound
    assert give_up(queue, range(60, 80), 10.0, latency_s=6.0)  # sent when more still were
    assert queue.bound <= held + 1


def test_what_a_restart_kills_dies_at_once_and_teaches_nothing() -> None:
    queue = Queue()
    answers(queue, 20, 2.0)
    queue.answered(Sent(93.0, 20, 0, 0, 1.0), 99.0, 1.0)
    assert not give_up(queue, range(35, 60), 10.0, apart_s=0.001)  # much was sent at about one time


def test_errors_of_different_ages_teach_nothing() -> None:
    queue = Queue()
    for age_s in (4.0, 10.0) * 20:
        assert not give_up(queue, range(35, 36), age_s, latency_s=6.0)


def test_where_as_many_were_answered_or_nothing_ever_was_timeouts_teach_nothing() -> None:
    queue, dead = Queue(), Queue()
    answers(queue, 40, 6.0)
    held = queue.bound
    give_up(queue, range(40, 50), 10.0, latency_s=6.0)
    assert queue.bound >= held
    assert not give_up(dead, range(1, 50), 10.0)


def test_where_all_hangs_timeouts_teach_nothing() -> None:
    queue = Queue()
    answers(queue, 20, 2.0)
    assert not give_up(queue, range(35, 60), 10.0)


def test_what_hung_and_is_lost_beside_answers_to_later_sends_teaches_nothing() -> None:
    queue = Queue()
    assert not give_up(queue, range(35, 60), 30.0, latency_s=2.0)  # after the hang
    assert queue.bound > 60
