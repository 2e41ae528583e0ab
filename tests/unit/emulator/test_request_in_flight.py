from __future__ import annotations

from stormproof.emulator.request_in_flight import AnsweredTurns


def test_a_turn_answered_again_is_a_repeat_and_an_answer_to_no_turn_is_none() -> None:
    answered = AnsweredTurns()
    for turn in ("a/0", "a/1", "a/1", "", "", "a/1"):
        answered.add(turn)
    assert answered.snapshot() == {
        "answered_turns": 2,
        "repeated_answers": 2,
        "repeats": {"a/1": 3},
    }
    assert answered.next_id() != answered.next_id()
