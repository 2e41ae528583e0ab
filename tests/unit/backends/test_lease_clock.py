from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S, LeaseClock


def test_nothing_may_be_sent_before_an_answer_is_known_to_have_come() -> None:
    clock = LeaseClock(12.0)
    assert not clock.is_valid(0.0)
    clock.asked(1)
    clock.answered(1, 5.0)
    assert not clock.is_valid(5.0)
    clock.asked(2)
    assert clock.is_valid(5.0)


def test_a_lease_runs_from_when_the_answer_was_sent_not_from_when_that_is_proved() -> None:
    clock = LeaseClock(12.0)
    clock.answered(1, 100.0)
    clock.asked(2)  # whenever that comes, the lease is over at 112
    assert clock.is_valid(111.9)
    assert not clock.is_valid(112.0)


def test_a_question_that_comes_twice_proves_nothing_new() -> None:
    clock = LeaseClock(12.0)
    clock.answered(1, 100.0)
    clock.asked(2)
    clock.answered(2, 110.0)
    clock.asked(2)
    assert clock.ends_at == 112.0


def test_a_driver_waits_for_longer_than_any_lease_that_it_may_have_proved() -> None:
    """It has had an answer since T; the worker sent it before, and has LEASE_S from then."""
    assert PATIENCE_S > LEASE_S * 1.1
