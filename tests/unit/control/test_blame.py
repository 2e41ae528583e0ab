"""The rules, one by one; whole courses are in tests/sim and the benchmark."""

from collections.abc import Callable

import pytest

from stormproof.control import blame
from stormproof.control.blame import Blame, Case
from stormproof.control.cap import Cap
from stormproof.control.chance import Chance
from stormproof.control.controller import Sent
from stormproof.control.measured import Measured
from stormproof.control.rate import RateLimit
from stormproof.control.window import Window


def case(number: int, *, held: int, at: float = 100.0, paced: bool = False) -> Case:
    measured = Measured()
    measured.recent_rps = 10.0
    cap, rate = Cap(measured), RateLimit(measured)
    cap.held = held
    sent = Sent(at, number, 1, 0, 1.0)
    sent.paced = paced
    return Case(sent, cap, rate, Window(rate.flow), Chance(measured))


def test_a_number_never_accepted_speaks_to_the_cap() -> None:
    court = Blame()
    assert court.of(case(41, held=40)) == "cap"
    assert court.rule == "number"


def test_a_number_far_below_what_was_accepted_speaks_to_the_rate() -> None:
    court = Blame()
    assert court.of(case(20, held=40)) == "rate"
    assert court.rule == "far below"


def test_a_slot_that_was_free_again_speaks_to_the_rate() -> None:
    court = Blame()
    court.of(case(41, held=40))
    again = case(40, held=40, at=100.5)
    again.cap.believed, again.rate.believed = 40, 5.0
    assert (court.of(again), court.rule) == ("rate", "free again")


def test_a_send_at_the_limit_of_pace_speaks_to_it_until_its_number_is_the_same_again() -> None:
    court = Blame()
    said = [court.of(case(41, held=40, at=100.0 + 10 * n, paced=True)) for n in range(3)]
    assert said == ["rate", "rate", "cap"]


def test_a_window_that_is_used_up_comes_first() -> None:
    used = case(20, held=40)
    used.window.units, used.window._used = 10.0, 10.0
    used.window._pace.rate, used.window.ends_at = 1.0, 200.0
    assert Blame().of(used) == "window"
    assert used.window.used_up


@pytest.mark.parametrize("rule", blame.RULES)
def test_every_rule_says_in_a_sentence_what_it_finds(rule: Callable[[Case], str]) -> None:
    text = rule.__doc__ or ""
    assert text.endswith(".")
    assert "\n" not in text
    assert any(word in text for word in ("rate", "cap", "refuse", "number", "many"))
