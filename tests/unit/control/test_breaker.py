from math import inf

from stormproof.control.breaker import Breaker, State
from stormproof.control.controller import Sent


def send(breaker: Breaker, now: float) -> Sent:
    sent = Sent(now, 1, 1, 0, 1.0)
    breaker.sent(sent, now)
    return sent


def test_canaries_wait_longer_and_longer_and_go_one_at_a_time() -> None:
    breaker, canaries = Breaker(), 0
    breaker.shut(State.REFUSALS, "refusals", 0.0)
    while (now := breaker.ready_at) < 10.0:
        assert send(breaker, now).canary
        assert breaker.ready_at == inf
        breaker.canary_failed(now)
        canaries += 1
    assert now <= 12
    assert canaries < 10


def test_a_slow_endpoint_waits_longer_from_the_start() -> None:
    breaker = Breaker()
    breaker.shut(State.REFUSALS, "refusals", 0.0, first_s=20.0)
    assert breaker.ready_at == 20.0


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
