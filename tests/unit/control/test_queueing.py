from stormproof.control.controller import Sent
from stormproof.control.queueing import Queueing


def batch(queueing: Queueing, now: float, in_flight: int, latency: float, gap: float) -> float:
    for index in range(60):
        now += gap
        queueing.answered(Sent(now - latency, in_flight, index, 0, 0), now, 1.0)
    return now


def test_it_holds_what_the_server_works_on_at_once() -> None:
    queueing = Queueing()
    now = batch(queueing, 0.0, in_flight=8, latency=2.0, gap=0.25)
    batch(queueing, now, in_flight=60, latency=15.0, gap=0.25)  # four a second, as before
    assert 8 <= queueing.bound <= 12


def test_slower_answers_alone_are_no_queue() -> None:
    queueing = Queueing()
    now = batch(queueing, 0.0, in_flight=8, latency=2.0, gap=0.25)
    before = queueing.bound
    batch(queueing, now, in_flight=8, latency=15.0, gap=2.0)
    assert queueing.bound >= before


def test_more_in_flight_that_brings_more_back_is_no_queue() -> None:
    queueing = Queueing()
    now = batch(queueing, 0.0, in_flight=8, latency=2.0, gap=0.25)
    before = queueing.bound
    batch(queueing, now, in_flight=32, latency=3.5, gap=0.0625)
    assert queueing.bound >= before


def test_a_clock_that_stands_still_breaks_nothing() -> None:
    queueing = Queueing()
    batch(queueing, 5.0, in_flight=8, latency=0.0, gap=0.0)
    batch(queueing, 5.0, in_flight=80, latency=0.0, gap=0.0)
    assert queueing.bound > 8


def test_a_server_that_refuses_does_not_make_wait() -> None:
    queueing = Queueing()
    now = batch(queueing, 0.0, in_flight=8, latency=2.0, gap=0.25)
    now = batch(queueing, now, in_flight=60, latency=15.0, gap=0.25)
    held = queueing.bound
    queueing.refused()
    assert queueing.bound > 2 * held
    now = batch(queueing, now, in_flight=8, latency=2.0, gap=0.25)
    batch(queueing, now, in_flight=60, latency=15.0, gap=0.25)
    assert queueing.bound > 2 * held
