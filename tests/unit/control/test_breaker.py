from math import inf

import pytest

from stormproof.control.breaker import IN_A_ROW, OUTLIVES, Breaker, State
from stormproof.control.controller import Sent


def send(breaker: Breaker, now: float) -> Sent:
    sent = Sent(now, 1, 1, 0, 1.0)
    breaker.sent(sent, now)
    return sent


def test_canaries_wait_longer_and_longer_and_go_one_at_a_time() -> None:
    breaker, canaries = Breaker(), 0
    breaker.shut(State.REFUSALS, "refusals", 0.0)
    while (now := breaker.ready_at) < 10.0:
        canary = send(breaker, now)
        assert canary.canary
        assert breaker.ready_at == inf
        assert breaker.canary_failed(canary, now)
        canaries += 1
    assert now <= 12
    assert canaries < 10


def test_a_promise_is_waited_for_and_never_shortens_the_wait() -> None:
    breaker = Breaker()
    breaker.shut(State.REFUSALS, "refusals", 0.0)
    breaker.wait_until(7.0)
    assert breaker.ready_at == 7.0
    breaker.wait_until(3.0)
    assert breaker.ready_at == 7.0


def test_in_silence_a_canary_is_followed_by_others_ever_later() -> None:
    breaker, canaries = Breaker(), list[float]()
    breaker.shut(State.SILENCE, "silence", 0.0)
    while breaker.ready_at < 100.0:
        canaries.append(breaker.ready_at)
        assert send(breaker, breaker.ready_at).canary
    assert canaries == [0.25, 0.75, 1.75, 3.75, 7.5, 15.0, 30.0, 60.0]


def test_open_again_nothing_is_a_canary() -> None:
    breaker = Breaker()
    breaker.shut(State.ERRORS, "503", 1.0)
    send(breaker, 2.0)
    breaker.canary_passed()
    assert (breaker.state, breaker.why, breaker.ready_at) == (State.OPEN, "", -inf)
    assert not send(breaker, 3.0).canary


def fail(breaker: Breaker, count: int, began: float, *, after_s: float = 1.0) -> None:
    for n in range(count):
        at = began + n / 100
        breaker.failed(send(breaker, at), at + after_s, "503")


def test_errors_in_a_row_shut_it_unless_something_passes_between_them() -> None:
    breaker = Breaker()
    fail(breaker, IN_A_ROW - 1, 0.0)
    breaker.answered(send(breaker, 0.5))
    fail(breaker, IN_A_ROW - 1, 1.0)
    assert breaker.shown == "open"
    fail(breaker, 1, 2.0)
    assert (breaker.state, breaker.shown) == (State.ERRORS, "closed: 503")


def test_what_went_before_the_first_error_says_nothing_when_it_is_answered() -> None:
    breaker = Breaker()
    before = send(breaker, 0.0)
    fail(breaker, IN_A_ROW - 1, 1.0)
    breaker.answered(before)
    fail(breaker, 1, 2.0)
    assert breaker.state is State.ERRORS


def test_a_canary_has_passed_once_it_has_outlived_the_quickest_error() -> None:
    breaker = Breaker()
    fail(breaker, IN_A_ROW, 0.0, after_s=1.0)
    assert breaker.hears_at(0.3) == inf
    send(breaker, 5.0)
    assert breaker.hears_at(0.3) == pytest.approx(5.0 + OUTLIVES)
    assert breaker.hears_at(7.0) == 12.0
