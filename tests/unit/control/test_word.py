from math import inf

import pytest

from stormproof.control.word import AT_MOST_S, Word


def kept() -> Word:
    """One whose promise was tried early, and given once more."""
    word = Word()
    word.told(0.0, 0.1, 10.0)
    word.told(5.0, 5.1, 5.0)
    word.accepted(10.5)
    return word


def test_a_promise_that_was_given_twice_and_kept_is_believed_the_next_time() -> None:
    word = kept()
    assert word.good
    word.told(20.0, 20.0, 7.0)
    assert word.until(20.0) == 27.0


def test_one_that_nobody_tried_early_says_nothing() -> None:
    word = Word()
    word.told(0.0, 0.0, 1.0)
    word.accepted(30.0)
    assert not word.good


def test_accepted_well_before_it_was_a_lie_and_is_never_believed_again() -> None:
    word = Word()
    word.told(0.0, 0.0, 60.0)
    word.accepted(5.0)
    for start in range(100, 200, 20):
        word.told(start, start, 10.0)
        word.told(start + 5, start + 5, 5.0)
        word.accepted(start + 11)
    assert not word.good
    assert word.until(300.0) == -inf


def test_refused_after_it_was_a_lie() -> None:
    word = kept()
    word.told(20.0, 20.0, 5.0)
    word.told(25.05, 25.05, 5.0)
    assert not word.good


def test_what_went_before_the_promise_says_nothing_about_it() -> None:
    word = Word()
    word.told(10.0, 10.1, 60.0)
    word.accepted(9.0)
    word.told(30.0, 30.0, 41.0)
    word.accepted(72.0)
    assert word.good


def test_a_very_long_wait_is_tried_all_the_same() -> None:
    word = kept()
    word.told(20.0, 20.0, 3600.0)
    assert word.until(20.0) == 20.0 + AT_MOST_S


def test_a_clock_that_speaks_in_whole_seconds_is_believed_and_not_broken_by_a_second() -> None:
    word = Word()
    word.told(0.0, 0.0, 20.0)  # 19.1 rounded up
    word.told(4.5, 4.5, 15.0)  # 14.6
    assert word.good
    word.accepted(19.2)
    assert word.good


def test_two_promises_of_one_instant_come_from_a_clock_and_one_that_moves_does_not() -> None:
    clock, moving = Word(), Word()
    for at in (1.0, 4.0):
        clock.told(at, at, 20.0 - at)
        moving.told(at, at, 20.0)
    assert clock.until(4.0) == pytest.approx(20.0, abs=0.1)
    assert not moving.good
    clock.accepted(8.0)
    assert not clock.good
