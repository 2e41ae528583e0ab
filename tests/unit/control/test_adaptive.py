"""The classifier's rules, one by one; whole courses are in tests/sim and the benchmark."""

from stormproof.control.adaptive import ERRORS_IN_A_ROW, Adaptive
from stormproof.control.controller import Sent
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Limits


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
    control.gate.shut_for("refusals", now, None)
    canary = fill(control, now + 2)[0]
    control.ready_at(now + 4)
    assert not control.closed
    assert control.view().pace_rps > 1
    assert canary.fate


def test_a_number_never_accepted_speaks_to_the_cap() -> None:
    control = Adaptive(Limits())
    now = ramp(control, 40)
    over = [s for s in fill(control, now) if s.number > 40]
    while not over:
        now += 0.05
        over = [s for s in fill(control, now) if s.number > 40]
    for sent in over:
        control.refused(sent, now + 0.05, None)
    assert control.decision == "cut: cap"
    assert control.window.cap == over[0].number - 1


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
    assert control.decision == "cut: rate"


def test_errors_shut_the_gate_and_touch_neither_window_nor_pace() -> None:
    control = Adaptive(Limits())
    sends = fill(control, 0.0)
    before = control.view()
    for sent in sends[:ERRORS_IN_A_ROW]:
        control.failed(sent, 0.1, "503")
    after = control.view()
    assert after.state == "closed: 503"
    assert (after.pace_rps, control.window.cap) == (before.pace_rps, control.window.ceiling)


def test_limits_that_headers_tell_are_ceilings_at_once() -> None:
    control = Adaptive(Limits())
    control.told(RateHeaders(limit_rpm=60))
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
    now = ramp(control, 40)
    flying = control.in_flight
    broken = list[Sent]()
    while len(broken) < ERRORS_IN_A_ROW:
        now += 0.05
        broken += fill(control, now)[:1]
    for sent in broken[:ERRORS_IN_A_ROW]:
        control.failed(sent, sent.at + 1.0, "503")
    assert control.closed == "503"
    opens = control.ready_at(now + 2)
    control.sent(opens, 1.0)
    assert control.ready_at(opens + 1.0) > opens + 1.0  # errors came after a second: not yet
    control.ready_at(opens + 2.01)
    assert not control.closed
    assert len(fill(control, opens + 2.01)) > 1
    assert control.view().window >= flying


def test_of_sends_at_one_instant_a_refusal_speaks_of_the_last() -> None:
    control, sends, now = Adaptive(Limits()), list[Sent](), 0.0
    while control.in_flight < 40:
        sends += fill(control, now)
        now += 0.05
    for sent in sends:
        control.answered(sent, now + 1, 1.0)
    crowd = fill(control, now + 1)
    control.refused(crowd[5], now + 1.05, None)  # overtaken by all the others on its way
    assert control.decision == "cut: cap"
    assert control.window.cap >= 39
