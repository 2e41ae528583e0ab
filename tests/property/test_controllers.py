"""Stateful machines: whatever an endpoint does, a controller keeps its promises."""

from __future__ import annotations

from math import inf
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Controller, Sent
from stormproof.control.fixed import Fixed
from stormproof.control.pace import TOLERANCE_S
from stormproof.control.shared_limit import Member, SharedLimit
from stormproof.domain.pool import Limits

LIMITS = st.builds(
    Limits,
    max_workers=st.none() | st.integers(1, 40),
    qps=st.none() | st.floats(0.5, 200),
)


class AnyEndpoint(RuleBasedStateMachine):
    """Sends, answers, refusals, errors and cancellations in any order, at any time."""

    def make(self, limits: Limits) -> Controller:
        raise NotImplementedError

    @initialize(limits=LIMITS)
    def begin(self, limits: Limits) -> None:
        self.limits = limits
        self.control: Any = self.make(limits)
        self.now = 0.0
        self.out: list[Sent] = []
        self.times: list[float] = []

    def send(self) -> bool:
        if self.control.ready_at(self.now) > self.now:
            return False
        shut = bool(self.gate.why)
        sent = self.control.sent(self.now, 100.0)
        assert sent.canary or not shut, "a grant while closed"
        self.out.append(sent)
        self.times.append(self.now)
        return True

    @property
    def gate(self) -> Any:
        return getattr(self.control, "breaker", None) or self.control._breaker

    @rule(most=st.integers(1, 60))
    def send_some(self, most: int) -> None:
        for _ in range(most):
            if not self.send():
                break

    @rule(seconds=st.floats(0.001, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.out)
    @rule(data=st.data(), fate=st.sampled_from(["ok", "ok", "429", "503", "cancel"]))
    def end_one(self, data: st.DataObject, fate: str) -> None:
        sent = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        told = data.draw(st.none() | st.floats(0, 100))
        match fate:
            case "ok":
                self.control.answered(sent, self.now, 120.0)
            case "429":
                self.control.refused(sent, self.now, told)
            case "503":
                self.control.failed(sent, self.now, "503", told)
            case _:
                self.control.abandoned(sent, self.now)

    @rule()
    def refuse_all(self) -> None:
        while self.out:
            self.control.refused(self.out.pop(0), self.now, None)

    @invariant()
    def no_canary_outlives_an_open_breaker(self) -> None:
        """Else it would open the breaker again when that shuts the next time."""
        control = getattr(self, "control", None)
        if isinstance(control, Adaptive) and not control.closed:
            assert control._canary is None

    @invariant()
    def never_above_a_declared_limit(self) -> None:
        if not hasattr(self, "control"):
            return
        assert self.control.in_flight == len(self.out)
        if self.limits.max_workers is not None:
            assert self.control.in_flight <= self.limits.max_workers
        if self.limits.qps:
            times = self.times[-400:]
            for since in range(0, len(times), 7):
                allowed = (times[-1] - times[since] + TOLERANCE_S) * self.limits.qps + 1
                assert len(times) - since <= allowed + 1e-6

    def teardown(self) -> None:
        """Progress: once all has ended well, a send is possible within a bounded time."""
        if not hasattr(self, "control"):
            return
        while self.out:
            self.control.answered(self.out.pop(), self.now, 100.0)
        ready = self.control.ready_at(self.now)
        assert ready < inf
        self.now = max(ready, self.now) + 1e-6
        for _ in range(3):  # a canary, then the rest
            assert self.send()
            self.now += 1
            self.control.answered(self.out.pop(), self.now, 100.0)
            self.now = max(self.now, self.control.ready_at(self.now)) + 1e-6


class AdaptiveMachine(AnyEndpoint):
    def make(self, limits: Limits) -> Controller:
        return Adaptive(limits)


class FixedMachine(AnyEndpoint):
    def make(self, limits: Limits) -> Controller:
        return Fixed(limits)


class OvershootMachine(RuleBasedStateMachine):
    """At most one cut per overshoot: refusals of sends older than the last cut cut nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.control = Adaptive(Limits())
        self.now = 0.0

    @rule(seconds=st.floats(0.01, 5), answers=st.integers(0, 5))
    def grow(self, seconds: float, answers: int) -> None:
        sends = list[Sent]()
        while self.control.ready_at(self.now) <= self.now and len(sends) < 200:
            sends.append(self.control.sent(self.now, 1.0))
        self.now += seconds
        for sent in sends[:answers]:
            self.control.answered(sent, self.now, 1.0)
        refused = sends[answers:]
        before = self.control._epoch
        self.now += 0.05
        for sent in refused:
            self.control.refused(sent, self.now, None)
        assert self.control._epoch - before <= 1


class MemberMachine(AnyEndpoint):
    """One of two endpoints under a level that is blamed and acquitted in between."""

    def make(self, limits: Limits) -> Controller:
        self.limit = SharedLimit("key p/env:K")
        self.sibling = Member(Adaptive(Limits()), self.limit)
        self.theirs: list[Sent] = []
        return Member(Adaptive(limits), self.limit)

    @property
    def gate(self) -> Any:
        return self.control.control.breaker

    def send(self) -> bool:
        self.control.ready_at(self.now)  # a canary that has been silent for long enough opens it
        above = self.limit.learned
        shut = above is not None and bool(above.breaker.why)
        before = above.in_flight if above else 0
        sent = super().send()
        if sent and above:
            assert above.in_flight == before + 1
            assert self.control._above[self.out[-1]].canary or not shut, "a grant while closed"
        return sent

    @rule(most=st.integers(1, 30))
    def sibling_sends(self, most: int) -> None:
        for _ in range(most):
            if self.sibling.ready_at(self.now) <= self.now:
                self.theirs.append(self.sibling.sent(self.now, 100.0))

    @precondition(lambda self: self.theirs)
    @rule(refused=st.booleans())
    def sibling_hears(self, refused: bool) -> None:  # noqa: FBT001  hypothesis draws it
        for sent in self.theirs[:10]:
            if refused:
                self.sibling.refused(sent, self.now, None)
            else:
                self.sibling.answered(sent, self.now, 100.0)
        del self.theirs[:10]

    @rule()
    def blame_the_level(self) -> None:
        if self.limit.learned is None:
            self.limit.blame(self.now)

    @invariant()
    def the_level_knows_of_all_that_is_in_flight(self) -> None:
        if hasattr(self, "limit") and self.limit.learned:
            assert self.limit.learned.in_flight == len(self.out) + len(self.theirs)

    def teardown(self) -> None:
        if hasattr(self, "theirs"):
            for sent in self.theirs:
                self.sibling.answered(sent, self.now, 100.0)
        super().teardown()


def test_an_error_storm_is_a_tenth_of_the_sends_at_most() -> None:
    """Twenty a second for a minute, then nothing but errors for another: over any 10 s."""
    control, now, flying = Adaptive(Limits(qps=20)), 0.0, list[Sent]()
    failed = list[float]()
    while now < 120:
        while control.ready_at(now) <= now:
            flying.append(control.sent(now, 1.0))
        for sent in [x for x in flying if x.at <= now - (0.05 if now > 60 < x.at else 1.0)]:
            flying.remove(sent)
            if sent.at > 60:
                control.failed(sent, now, "503")
                failed.append(now)
            else:
                control.answered(sent, now, 1.0)
        now += 0.01
    worst = max(sum(at <= x < at + 10 for x in failed) for at in failed)
    assert worst <= 0.1 * 20 * 10


few = settings(max_examples=60, stateful_step_count=40, deadline=None,
               suppress_health_check=list(HealthCheck))  # fmt: skip
TestAdaptive = AdaptiveMachine.TestCase
TestAdaptive.settings = few
TestMember = MemberMachine.TestCase
TestMember.settings = few
TestFixed = FixedMachine.TestCase
TestFixed.settings = few
TestOvershoot = OvershootMachine.TestCase
TestOvershoot.settings = few
