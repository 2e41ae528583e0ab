from math import inf

from stormproof.control.controller import Fate, Sent
from stormproof.control.pending import UNHEARD_S, Pending

CONFIRM_S = 0.3


def sends(pending: Pending, *instants: float) -> list[Sent]:
    found = [Sent(at, n + 1, n, 0, 1.0) for n, at in enumerate(instants)]
    for sent in found:
        pending.sent(sent)
    return found


def test_silence_long_enough_is_given_out_in_order_and_once() -> None:
    pending = Pending()
    first, second, _ = sends(pending, 0.0, 0.1, 1.0)
    found = []
    for sent in pending.silent(0.5, CONFIRM_S):
        sent.fate = Fate.ACCEPTED
        found.append(sent)
    assert found == [first, second]
    assert pending.since == 1.0
    assert not list(pending.silent(0.5, CONFIRM_S))


def test_one_whose_fate_is_known_waits_for_those_before_it() -> None:
    pending = Pending()
    _, second = sends(pending, 0.0, 0.1)
    second.fate = Fate.REFUSED
    assert not list(pending.silent(0.2, CONFIRM_S))
    assert pending.since == 0.0
    for sent in pending.silent(0.3, CONFIRM_S):
        sent.fate = Fate.ACCEPTED
    assert pending.since == inf


def test_what_was_turned_away_was_beside_none_of_the_later_ones() -> None:
    pending = Pending()
    first, second, third = sends(pending, 0.0, 0.0, 0.0)
    second.fate = Fate.REFUSED
    pending.turned_away(second)
    assert [first.number, third.number] == [1, 2]
    assert [first.least, third.least] == [1, 2]


def test_a_slot_was_free_a_little_before_its_answer_is_heard() -> None:
    pending = Pending()
    early, late = sends(pending, 0.0, 1.0)
    pending.answered(1.0 + UNHEARD_S / 2)
    assert (early.least, late.least, late.number) == (1, 1, 2)
