"""The rules, one by one; whole courses are in tests/sim and the benchmark."""

from collections.abc import Callable

import pytest

from stormproof.control import blame
from stormproof.control.blame import Blame
from stormproof.control.cap import Cap
from stormproof.control.chance import Chance
from stormproof.control.controller import Sent
from stormproof.control.measured import Measured
from stormproof.control.rate import RateLimit


def court(*, held: int) -> Blame:
    measured = Measured()
    measured.recent_rps = 10.0
    cap, rate = Cap(measured), RateLimit(measured)
    cap.held = held
    return Blame(cap, rate, Chance(measured))


def refused(number: int, *, paced: bool = False) -> Sent:
    sent = Sent(100.0, number, 1, 0, 1.0)
    sent.paced = paced
    return sent


def test_a_number_never_accepted_speaks_to_the_cap() -> None:
    blamed = court(held=40)
    assert (blamed.of(refused(41)), blamed.rule) == ("cap", "number")


def test_a_number_far_below_what_was_accepted_speaks_to_the_rate() -> None:
    blamed = court(held=40)
    assert (blamed.of(refused(20)), blamed.rule) == ("rate", "far below")


def test_a_slot_that_was_free_again_speaks_to_the_rate() -> None:
    blamed = court(held=40)
    blamed.cap.believed, blamed.rate.believed = 40, 5.0
    assert (blamed.of(refused(40)), blamed.rule) == ("rate", "free again")


def test_a_send_at_the_limit_of_pace_speaks_to_it_until_its_number_is_the_same_again() -> None:
    blamed = court(held=40)
    said = [blamed.of(refused(41, paced=True)) for _ in range(3)]
    assert said == ["rate", "rate", "cap"]


@pytest.mark.parametrize("rule", blame.RULES)
def test_every_rule_says_in_a_sentence_what_it_finds(rule: Callable[[Sent, Blame], str]) -> None:
    text = rule.__doc__ or ""
    assert text.endswith(".")
    assert "\n" not in text
    assert any(word in text for word in ("rate", "cap", "refuse", "number", "many"))
