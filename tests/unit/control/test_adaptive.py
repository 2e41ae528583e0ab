"""The classifier's rules, one by one; whole courses are in tests/sim and the benchmark."""

from math import inf

import pytest

from stormproof.control.adaptive import Adaptive
from stormproof.control.breaker import IN_A_ROW, State
from stormproof.control.controller import Fate, Sent
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Limits, Start


def fill(control: Adaptive, now: float) -> list[Sent]:
    sends = list[Sent]()
    while control.ready_at(now) <= now and len(sends) < 1000:
        sends.append(control.sent(now, 1.0))
    return sends


def ramp(control: Adaptive, cap: int) -> float:
    """Fill up with long answers until the cap refuses; when that was."""
    now = 0.0
    while control.in_flight < cap:
        fill(control, now)
        now += 0.05
    return now


def course(began: float) -> list[tuple[str, float, float]]:
    """Views of a controller whose endpoint takes 20 in flight for 2 s each, then only 5."""
    control, views, now = Adaptive(Limits()), list[tuple[str, float, float]](), began
    flying = list[tuple[float, Sent]]()
    for tick in range(6000):
        now = began + tick / 64
        cap = 20 if tick < 3000 else 5
        for sent in [sent for until, sent in flying if until <= now]:
            control.answered(sent, now, 1.0)
        flying = [(until, sent) for until, sent in flying if until > now]
        for sent in fill(control, now):
            if len(flying) < cap:
                flying.append((now + 2, sent))
            else:
                control.refused(sent, now, None)
        view = control.view()
        views.append((view.decision, view.window, round(view.pace_rps, 6)))
    return views


def test_the_clock_may_begin_anywhere() -> None:
    assert course(0.0) == course(2.0**20)


def test_a_cap_that_falls_leaves_no_pace_behind_that_throttles() -> None:
    control, now = Adaptive(Limits()), 5000.0
    sends = list[Sent]()
    while control.in_flight < 40:
        sends += fill(control, now)
        now += 0.05
    for sent in sends:
        control.answered(sent, now, 1.0)
    control.breaker.shut(State.REFUSALS, "refusals", now)
    canary = fill(control, now + 2)[0]
    control.ready_at(now + 4)
    assert control.view().state == "open"
    assert control.view().pace_rps > 1
    assert canary.fate is Fate.ACCEPTED


def test_a_word_for_the_rest_of_a_minute_is_waited_for_and_is_no_rate() -> None:
    control, taken = Adaptive(Limits()), [0, 0, 0]
    flying = list[tuple[float, Sent]]()
    for tick in range(30 * 64, 180 * 64):
        now, window = tick / 64, tick // (60 * 64)
        for sent in [sent for until, sent in flying if until <= now]:
            control.answered(sent, now, 1.0)
        flying = [(until, sent) for until, sent in flying if until > now]
        refused = list[Sent]()
        for sent in fill(control, now):
            if taken[window] < 300:
                taken[window] += 1
                flying.append((now + 2, sent))
            else:
                refused.append(sent)
        for n, sent in enumerate(refused):
            control.refused(sent, now + n / 1000, (window + 1) * 60 - now - n / 1000)
    assert taken == [300, 300, 300]


def test_a_word_that_is_good_is_waited_for_whatever_was_measured() -> None:
    control = Adaptive(Limits(), Start(qps=1.0))
    control.word.good = True
    control.answered(control.sent(0.0, 1.0), 1.0, 1.0)
    control.refused(control.sent(2.0, 1.0), 2.1, 18.0)
    assert (control.rule, control.rate.sure > 0) == ("far below", True)
    assert control.ready_at(2.1) == pytest.approx(20.1)


def test_a_number_never_accepted_speaks_to_the_cap() -> None:
    control = Adaptive(Limits())
    now = ramp(control, 40)
    over = [s for s in fill(control, now) if s.number > 40]
    while not over:
        now += 0.05
        over = [s for s in fill(control, now) if s.number > 40]
    for sent in over:
        control.refused(sent, now + 0.05, None)
    assert (control.decision, control.rule) == ("cut: cap", "number")
    assert control.cap.believed == over[0].number - 1


def test_a_number_that_was_accepted_speaks_to_the_rate() -> None:
    control = Adaptive(Limits())
    now = 0.0
    sends = list[Sent]()
    while control.in_flight < 40:
        sends += fill(control, now)
        now += 0.05
    for sent in sends[:30]:
        control.answered(sent, now, 1.0)
    now += 1
    low = control.sent(now, 1.0)
    control.refused(low, now + 0.05, None)
    assert (control.decision, control.rule) == ("cut: rate", "far below")


def accepted(control: Adaptive, cap: int) -> tuple[float, list[Sent]]:
    """Fill up to `cap`, and wait until silence has said that all of it was accepted."""
    now, sends = 0.0, list[Sent]()
    while control.in_flight < cap:
        sends += fill(control, now)
        now += 0.05
    control.ready_at(now + 1.0)
    return now + 1.0, sends


def test_errors_of_what_was_accepted_shut_the_breaker_and_touch_no_limit() -> None:
    control = Adaptive(Limits())
    now, sends = accepted(control, 40)
    before = control.view()
    for sent in sends[:IN_A_ROW]:
        control.failed(sent, now, "503")
    after = control.view()
    assert after.state == "closed: 503"
    assert (after.pace_rps, control.cap.believed) == (before.pace_rps, inf)


def test_quick_errors_above_all_that_was_accepted_cut_as_a_cap_does() -> None:
    control = Adaptive(Limits())
    now, _ = accepted(control, 40)
    held = control.cap.held
    over = fill(control, now)
    assert over[-1].number > held
    for sent in over:
        control.failed(sent, now + 0.05, "503")
    assert control.closed == ""
    assert held - 2 <= control.cap.believed <= held + 1
    assert (control.decision, control.rule) == ("cut: cap", "quick error")


def test_errors_that_go_on_below_a_cut_shut_the_gate() -> None:
    control = Adaptive(Limits())
    now, before = accepted(control, 40)
    for _ in range(20):
        for sent in before[:2]:  # what went before the outage is still answered
            control.answered(sent, now, 1.0)
        del before[:2]
        for sent in fill(control, now):
            control.failed(sent, now + 0.05, "503")
        now += 0.1
    assert control.view().state == "closed: 503"


def test_a_canary_that_still_flies_opens_the_breaker_once() -> None:
    control = Adaptive(Limits())
    now, sends = accepted(control, 20)
    for sent in sends[:IN_A_ROW]:
        control.failed(sent, now, "reset")
    now = control.ready_at(now)
    canary = control.sent(now, 1.0)
    assert canary.canary
    now += 10
    later = fill(control, now)
    assert len(later) > 1
    control.ready_at(now + 1)
    for sent in later[:IN_A_ROW]:
        control.failed(sent, now + 1, "reset")
    control.ready_at(now + 100)
    assert control.view().state == "closed: reset"


def test_an_answer_heard_right_after_a_send_had_freed_its_slot_before() -> None:
    control = Adaptive(Limits())
    first, second = control.sent(0.0, 1.0), control.sent(0.0, 1.0)
    control.ready_at(1.0)
    third = control.sent(1.0, 1.0)
    control.answered(first, 1.01, 1.0)
    assert (third.number, third.least) == (3, 2)
    control.answered(second, 1.2, 1.0)
    assert third.least == 2


def test_limits_that_headers_tell_are_ceilings_at_once() -> None:
    control = Adaptive(Limits())
    control.advertised(RateHeaders(limit_rpm=60))
    now, sends = 0.0, 0
    while now < 20:
        batch = fill(control, now)
        sends += len(batch)
        for sent in batch:
            control.answered(sent, now + 0.01, 1.0)
        now += 0.05
    assert sends <= 22


def test_a_canary_that_outlives_the_errors_reopens_at_the_remembered_level() -> None:
    control = Adaptive(Limits())
    now, sends = accepted(control, 40)
    flying = control.in_flight
    for sent in sends[:IN_A_ROW]:
        sent.at = now - 1.0  # they broke a second after they went
        control.failed(sent, now, "503")
    assert control.view().state == "closed: 503"
    opens = control.ready_at(now + 2)
    control.sent(opens, 1.0)
    assert control.ready_at(opens + 1.0) > opens + 1.0  # errors came after a second: not yet
    control.ready_at(opens + 2.01)
    assert control.view().state == "open"
    assert len(fill(control, opens + 2.01)) > 1
    assert control.view().window >= flying


def test_a_canary_says_nothing_of_the_rate_of_acceptance() -> None:
    control = Adaptive(Limits())
    now, sends = accepted(control, 40)
    recent_rps = control.measured.recent_rps
    assert recent_rps > 5
    for sent in sends:
        control.failed(sent, now, "503")
    assert len(fill(control, now + 4)) == 1
    control.ready_at(now + 8)
    assert control.breaker.state is State.OPEN
    assert control.measured.recent_rps == recent_rps


def test_what_was_given_up_before_a_lull_is_no_silence() -> None:
    control = Adaptive(Limits())
    now = ramp(control, 40)
    for sent in fill(control, now + 1):
        control.answered(sent, now + 2, 1.0)
    given_up = fill(control, now + 3)
    assert len(given_up) > 10
    for sent in given_up:
        control.abandoned(sent, now + 4)
    fill(control, now + 100)
    assert control.breaker.state is State.OPEN


@pytest.mark.parametrize("answers", [0, 100])
def test_an_endpoint_that_hangs_is_sent_ever_less(answers: int) -> None:
    control, now, flying = Adaptive(Limits(max_workers=50)), 0.0, list[Sent]()
    for _ in range(answers):
        sent = control.sent(now, 1.0)
        control.answered(sent, now + 2, 1.0)
        now += 2
    silent_at, late = now, 0
    while now < silent_at + 900:
        flying += (sends := fill(control, now))
        late += len(sends) if now > silent_at + 60 else 0
        for sent in [x for x in flying if x.at <= now - 120]:
            flying.remove(sent)
            control.failed(sent, now, "timeout")
        now += 0.25
    assert control.closed == "silence"
    assert late <= (90 if answers else 12)  # of thousands


def test_what_is_shown_is_what_would_be_let_through_at_once() -> None:
    control = Adaptive(Limits())
    sent = control.sent(0.0, 1.0)
    control.answered(sent, 0.1, 1.0)
    assert control.view().window == len(fill(control, 0.1)) == 2


@pytest.mark.parametrize("cap", [10, 40, 120])
def test_a_start_is_had_at_once_and_refuted_either_way(cap: int) -> None:
    control, now, flying, refused = Adaptive(Limits(), Start(max_workers=40)), 0.0, list[Sent](), 0
    while now < 6:
        for sent in [x for x in flying if x.at <= now - 1]:
            flying.remove(sent)
            control.answered(sent, now, 1.0)
        for sent in fill(control, now):
            if len(flying) < cap:
                flying.append(sent)
            else:
                refused += 1
                control.refused(sent, now + 0.02, None)
        if now == 0.0:
            assert len(flying) == min(40, cap)
        now += 0.05
    assert cap - 2 <= len(flying) <= cap
    assert abs(control.view().window - cap) <= 2
    assert refused <= 64  # the last step of a probe that doubles


def test_a_canary_never_reopens_twice() -> None:
    control = Adaptive(Limits())
    control.breaker.shut(State.SILENCE, "silence", 1.0)
    first = control.sent(control.ready_at(2.0), 1.0)
    second = control.sent(control.ready_at(3.0), 1.0)
    control.answered(second, 4.0, 1.0)
    assert control.view().state == "open"
    control.breaker.shut(State.ERRORS, "503", 5.0)
    control.answered(first, 6.0, 1.0)
    assert control.view().state == "closed: 503"
