from math import inf

import pytest

from stormproof.control.gate import Gate


def refuse_until(gate: Gate, opens: float, told_until: float | None) -> float:
    """Shut at 0; canaries are refused before `opens`. When the gate opened, canaries counted."""
    told = None if told_until is None else told_until
    gate.shut_for("refusals", 0.0, told)
    now = 0.0
    while gate.shut:
        now = gate.ready_at
        assert gate.sent()
        assert gate.ready_at == inf  # one canary at a time
        if now < opens:
            left = None if told_until is None else told_until - now
            gate.canary_failed(now, left, refused=True)
        else:
            gate.canary_passed(now)
    return now


def test_canaries_wait_longer_and_longer() -> None:
    gate = Gate()
    opened = refuse_until(gate, 10.0, None)
    assert 10 <= opened <= 12


def test_an_honest_word_is_waited_for_the_next_time() -> None:
    gate = Gate()
    refuse_until(gate, 10.0, 10.0)
    assert gate.word == 1
    gate.shut_for("refusals", 0.0, 7.0)
    assert gate.ready_at == pytest.approx(7.01)


def test_a_word_that_was_far_too_long_is_not_believed() -> None:
    gate = Gate()
    refuse_until(gate, 5.0, 60.0)
    assert gate.word < 1
    gate.shut_for("refusals", 0.0, 60.0)
    assert gate.ready_at < 1


def test_a_lost_canary_may_be_followed_by_another() -> None:
    gate = Gate()
    gate.shut_for("silence", 0.0, None)
    assert gate.sent(gives_up_at=3.0)
    assert gate.ready_at == 3.0
