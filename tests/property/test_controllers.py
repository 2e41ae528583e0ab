"""Stateful machines: whatever an endpoint does, a controller keeps its promises."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from math import inf
from random import Random
from typing import Any, ClassVar

from hypothesis import HealthCheck, given, settings
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
                self.control.failed(sent, self.now, "503")
            case _:
                self.control.abandoned(sent, self.now)

    @rule()
    def refuse_all(self) -> None:
        while self.out:
            self.control.refused(self.out.pop(0), self.now, None)

    @invariant()
    def no_canary_outlives_an_open_breaker(self) -> None:
        """Else it would open the breaker again when that shuts the next time."""
        if hasattr(self, "control") and not self.gate.why:
            assert self.gate.canary is None

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


class Watched(Adaptive):
    """Remembers what has opened its breaker: no canary ever does so twice."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.openers = set[Sent]()

    def _reopen(self, sent: Sent, now: float) -> None:
        assert sent not in self.openers, "a canary reopens for the second time"
        self.openers.add(sent)
        super()._reopen(sent, now)


class AdaptiveMachine(AnyEndpoint):
    def make(self, limits: Limits) -> Controller:
        return Watched(limits)


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
        self.sibling = Member(self.limit, Limits())
        self.theirs: list[Sent] = []
        return Member(self.limit, limits)

    @property
    def gate(self) -> Any:
        return self.control.breaker

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


class Storm:
    """One endpoint that is well until `STORM_AT`, and from then on fails whatever comes.

    What its errors are: `quick` (503s after a few hundredths of a second), `slow` (503s after
    seconds), `reset` (quick, and all that is in flight dies at once), `hang` (no word, and an
    error after 30 s). Ages differ by less than twofold, as those of one cause do.
    """

    STORM_AT, ENDS_AT, WINDOW_S = 30.0, 90.0, 10.0
    FEW = 9  # in a window at most, where a tenth of the sends is less: canaries
    MANY = 60  # sends, whose answers say how long they take
    AGES_S: ClassVar = {"quick": 0.04, "slow": 4.0, "reset": 0.03, "hang": 30.0}

    def __init__(self, kind: str, limits: Limits, answer_s: float, seed: int) -> None:
        self.kind, self.answer_s = kind, answer_s
        self.control, self.rng = Adaptive(limits), Random(seed)
        self.sends = list[float]()
        self.failed_at = list[float]()  # when errors were heard
        self.flying: list[tuple[float, int, Sent]] = []

    def run(self) -> None:
        now = 0.0
        while now < self.ENDS_AT:
            if self.kind == "reset" and now <= self.STORM_AT < now + 0.01:
                self.flying = [(now, n, sent) for _, n, sent in self.flying]
            while self.flying and self.flying[0][0] <= now:
                sent = heapq.heappop(self.flying)[2]
                lives = sent.at < self.STORM_AT and (self.kind != "reset" or now < self.STORM_AT)
                self.hear(sent, now, lives=lives)
            while self.control.ready_at(now) <= now:
                sent = self.control.sent(now, 1.0)
                self.sends.append(now)
                usual_s = self.AGES_S[self.kind] if now >= self.STORM_AT else self.answer_s
                took_s = usual_s * self.rng.uniform(0.7, 1.3)
                heapq.heappush(self.flying, (now + took_s, sent.index, sent))
            now += 0.01

    def hear(self, sent: Sent, now: float, *, lives: bool) -> None:
        if lives:
            self.control.answered(sent, now, 1.0)
        else:
            self.failed_at.append(now)
            self.control.failed(sent, now, self.kind)

    @property
    def known_at(self) -> float:
        """When five errors were heard, or, of a hang, ten sends went and all answers are late.

        Late is three times what answers take, or 15 s where there were few.
        """
        heard_at = self.failed_at[4] if len(self.failed_at) > 4 else self.ENDS_AT
        if self.kind != "hang":
            return heard_at
        late = [at for at in self.sends if at >= self.STORM_AT]
        tenth_at = late[9] if len(late) > 9 else self.ENDS_AT
        few = len(self.sends) - len(late) < self.MANY
        late_s = max(15.0 * few, 3 * self.answer_s)
        return min(heard_at, max(tenth_at, self.STORM_AT + late_s))

    @property
    def worst(self) -> int:
        """Most sends in any window, of those that went when the storm was known."""
        late = [at for at in self.sends if at > self.known_at]
        windows = [bisect_left(late, at + self.WINDOW_S) - n for n, at in enumerate(late)]
        return max(windows, default=0)

    @property
    def allowed(self) -> float:
        """A tenth of what went in the window before the storm."""
        before = bisect_left(self.sends, self.STORM_AT)
        usual = before - bisect_left(self.sends, self.STORM_AT - self.WINDOW_S)
        return max(self.FEW, usual / 10)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(Storm.AGES_S)),
    workers=st.none() | st.integers(1, 40),
    qps=st.floats(0.1, 40),
    answer_s=st.floats(0.3, 6),
    seed=st.integers(0, 99),
)
def test_a_storm_takes_a_tenth_of_the_sends_over_any_ten_seconds(
    kind: str, workers: int | None, qps: float, answer_s: float, seed: int
) -> None:
    """From when it can be known; where a tenth is less than nine sends, nine."""
    storm = Storm(kind, Limits(max_workers=workers, qps=qps), answer_s, seed)
    storm.run()
    assert storm.worst <= storm.allowed


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
