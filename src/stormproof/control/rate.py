"""A limit on requests (or tokens) a second: a bucket, measured between two times it was empty."""

from __future__ import annotations

from collections import deque
from math import inf, sqrt

from stormproof.control.breaker import LULL_S
from stormproof.control.controller import Fate, Sent
from stormproof.control.flow import ENOUGH, SLACK, Flow
from stormproof.control.measured import FALLEN, Measured
from stormproof.control.pace import Pace

SLOWEST = 1 / 60  # units/s: refusals that fall by chance would slow it down without end
GUESS = 0.6  # × the recent rate of acceptance, where a limit was met and not measured
EDGE = 0.5  # units: a measurement over n of them is off by about this over n
LEAST_EDGE = 0.005  # so far below what is believed the pace begins anew at least,
FAR = 0.1  # and at most; and above it, where that is refuted
# Of pacing until the pace is back at the limit: least units, most units, seconds between them.
EVEN = 40.0, 200.0, 15.0
SOONER = 5.0  # × as soon, where the limit has fallen, and may come back
ABOVE = 1.3  # × what is believed, until that is refuted
RESERVE = 1.0  # units' worth of pause after a cut, so that the bucket is not empty
AGAIN = 10.0  # units after a cut: refused so soon, and below what is believed: measure first
# A guess doubles, as does the excess over what is refuted, in the longer of these of paced sending.
DOUBLING_S, DOUBLING_UNITS = 1.0, 3.0
PATIENCE = 10.0  # × that, while a window may be in force, or a limit that rose may go on rising
LATE_S, LATE = 0.01, 0.25  # a send this late (seconds, intervals) still waited for the pace
WINDOW_S = 60.0  # after a lull one may be in force: use it up, and see it begin anew
GONE_S = 120.0  # refused for longer than any window lasts: what has opened is another limit
LIFT_PAUSE = 0.5  # of the time in which sends are confirmed: those on their way empty the bucket
NOISE = 1.3  # × what is believed, refused at such a pace: it may just have been measured badly


class RateLimit:
    """`believed` is the limit in units/s (see `Flow`), inf while none was met.

    From a little below it the pace grows to a little above, over as many units as it was measured
    over, until a refusal measures it anew: where the limit stands, each cycle is as long as all
    before, and refusals grow rare. Passing more than a bucket of that rate could have let through
    refutes the belief: then the excess doubles. A limit that has risen may go on rising: it is
    believed so far, and the pace goes on from there until the next refusal.
    """

    name = "rate"

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self.believed = inf
        self.sure = 0.0  # units over which it was measured in agreement; 0: it is a guess
        self.hurry_until = -inf  # a window may be in force, to be used up; or the limit still rises
        self.flow = Flow()
        self._order = deque[Sent]()  # sends of which an older one, or their own fate, is unknown
        self._pace = Pace(inf)
        self._paced = 0.0  # units since the last cut
        self._sent_at = -inf
        self._empty_at = 0.0  # when the bucket was
        self._passed = 0.0  # units known accepted since; -inf from a cut until it is measured
        self._refused_pace = inf  # at which the latest refused send went
        self._refuted = False  # more has passed than what is believed could have let through
        self._best = 0.0  # the highest belief that two measurements agreed on
        self._opened: tuple[float, float] | None = None  # when last, and units accepted until then

    @property
    def pace(self) -> float:
        """Units/s at which sends go now."""
        return self._pace.rate

    @property
    def above(self) -> bool:
        """Whether the pace is at or above a measured limit, so that it may be refused."""
        return self.sure > 0 and self._pace.rate >= (1 - LEAST_EDGE) * self.believed

    @property
    def guessed(self) -> bool:
        """Whether a limit was met that is not measured yet."""
        return self.believed < inf and not self.sure

    def begin(self, rate: float) -> None:
        """So many units a second were let through earlier."""
        self.sure = ENOUGH
        self._believe(rate)

    def ready_at(self, now: float, in_flight: int) -> float:  # noqa: ARG002  the protocol's
        """See `Limit`."""
        return self._pace.ready_at if self.believed < inf else -inf

    def sent(self, sent: Sent, now: float) -> None:
        """See `Limit`."""
        self._order.append(sent)
        late_s = now - max(self._sent_at, self._pace.ready_at)
        if late_s > max(LULL_S, SLACK / self.believed):
            self.flow.forget()  # nothing was asked for: the bucket may have overflowed
        if self._sent_at == -inf:
            self._empty_at = now
        self._sent_at = now
        if self.believed == inf:
            return
        cost = self.flow.cost(sent.tokens)
        waited = late_s < max(LATE_S, LATE / self._pace.rate)
        if waited and not sent.doubtful:
            self._grow(now, cost)
        self._pace.spend(now, cost)
        sent.paced = waited and self.above

    def evidence(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`. Nothing counts before all that were sent earlier are known."""
        order = self._order
        while order and order[0].fate is not Fate.PENDING:
            first = order.popleft()
            if first.fate is Fate.ACCEPTED:
                self._opened = self._opened or (first.at, 0.0)
                self.flow.passed(first.tokens)
                self._pass(first)
            elif first.speaks_to:
                self._empty(first.at, certain=first.speaks_to == self.name)

    def cut(self, now: float, guess: float = GUESS) -> None:
        """Refused for the rate: back to what is believed, until the bucket's flow measures it.

        That takes `confirm_s`; nothing is sent meanwhile where the refusal was a surprise.
        """
        known = self.sure and not self._refuted and now - self._empty_at >= AGAIN / self.believed
        pause_s = 0.0 if known else self._measured.confirm_s
        self._refused_pace, self.hurry_until = self._pace.rate, -inf
        if not self.sure:
            before = self.believed if self.believed < inf else 1.0
            recent = max(before, self._measured.recent_rps)
            self._believe(guess * min(self._pace.rate, recent))
        elif self._refuted:
            pause_s *= LIFT_PAUSE
            self._lifted(now)
            self.hurry_until = inf
        else:
            self._believe(self.believed)
        self._passed, self._empty_at = -inf, now
        self._pace.due = max(self._pace.due, now + max(pause_s, RESERVE / self.believed))

    def excused(self, sent: Sent) -> None:
        """It was refused by chance, and took nothing: it gives back what it spent."""
        self._pace.due -= self.flow.cost(sent.tokens) / self._pace.rate

    def wait_until(self, at: float, now: float) -> None:
        """It was told when a unit will be there, by an endpoint whose word is good.

        One unit takes no less, which is more than a guess knows.
        """
        if not self.sure:
            self._believe(min(self.believed, 1 / max(at - now, 1e-3)))
        self._pace.due = at

    def reopened(self, shut_at: float, at: float) -> None:
        """The gate opens after refusals: believe what was accepted from opening to opening."""
        self.flow.forget()
        accepted = self.flow.accepted
        (since, before), self._opened = self._opened or (at, 0.0), (at, accepted)
        units, self.hurry_until = accepted - before, -inf
        self._passed, self._empty_at = 0.0, at
        if at - shut_at < LULL_S:
            return
        if at - shut_at > GONE_S:
            self.forget()
            return
        self.sure = 0.0
        if units >= 1 and at > since:
            self.sure = units
            self._believe(units / (at - since))
            self.hurry_until = at + WINDOW_S
            self._pace.rate *= 2

    def forget(self) -> None:
        """Something else is to blame for what was refused: no pace binds."""
        self.believed = self._pace.rate = inf
        self.sure = self._best = 0.0
        self.hurry_until = -inf

    def rested(self, since: float, now: float) -> None:
        """Nothing was accepted meanwhile: buckets have filled, and perhaps overflowed."""
        self.flow.forget()
        if self.sure:
            self._pace.rate *= 2
            self.hurry_until = now + (now - since)

    def _lifted(self, now: float) -> None:
        """What was accepted since the bucket was empty flowed in, and more if it overflowed."""
        known_s = (self._order[0].at if self._order else now) - self._empty_at
        least = max(self.believed, self._passed / max(known_s, 1 / self.believed))
        if self._pace.rate < NOISE * self.believed:
            self._believe(least)
        else:  # it has risen, who knows when: the limit is somewhere between
            self.flow.forget()
            self.sure = min(self.sure, ENOUGH)
            self._believe(sqrt(least * self._pace.rate))

    def _empty(self, at: float, *, certain: bool) -> None:
        """The bucket was (perhaps) empty at `at`."""
        units, span_s = self.flow.empty(at)
        if certain:
            self._passed, self._empty_at, self._refuted = 0.0, at, False
        if not certain or not units or self.believed == inf:
            return
        rate = units / span_s
        if self.sure < min(units, ENOUGH):  # it was met at any pace: little is sure
            self.sure = min(units, ENOUGH)
            self._believe(self._between(rate))
        elif units + SLACK < FALLEN * self.believed * span_s:
            self.sure = units
            self._believe(rate)
        elif units >= ENOUGH:
            self._measure(rate, max(0.05 * rate, SLACK / span_s), units)

    def _measure(self, rate: float, error: float, units: float) -> None:
        near = abs(rate - self.believed) <= error
        self.sure = max(self.sure, units) if near else units
        self._believe(self._between(rate))
        if near:
            self._best = max(self._best, rate)

    def _between(self, rate: float) -> float:
        """A bucket that holds little overflows below its limit, which the pace refused is above."""
        return (rate + max(rate, min(self._refused_pace, NOISE * rate))) / 2

    def _believe(self, rate: float) -> None:
        self.believed = rate = max(rate, SLOWEST)
        self._pace.rate = rate * (1 - self._edge) if self.sure else rate
        self._paced = 0.0
        self._refuted = False

    @property
    def _even(self) -> float:
        """Units of pacing until the pace is back at the limit."""
        least, most, seconds = EVEN
        even = min(most, max(least, seconds * self.believed))
        if self.believed < FALLEN * self._best:
            even /= SOONER
        return min(self.sure, even)

    @property
    def _edge(self) -> float:
        return min(FAR, max(LEAST_EDGE, EDGE / self._even))

    def _pass(self, sent: Sent) -> None:
        """More than a bucket of that rate could have let through refutes the belief."""
        self._passed += self.flow.cost(sent.tokens)
        room = SLACK if self.flow.tokens_per_unit else RESERVE
        more = self._passed - self.believed * (sent.at - self._empty_at)
        self._refuted = self._refuted or (self.sure > 0 and more > room)

    def _grow(self, now: float, cost: float) -> None:
        """Slowly around a measured limit; the excess doubles where there is none."""
        factor = self._pace.rate / self.believed
        hurry = now <= self.hurry_until
        doublings = cost / max(DOUBLING_UNITS, self._pace.rate * DOUBLING_S)
        if hurry:
            factor *= 2 ** (doublings / PATIENCE)
        elif not self.sure:
            factor *= 2**doublings
        elif self._refuted:
            factor = 1 + max(FAR, factor - 1) * 2**doublings
        else:
            self._paced += cost
            edge = self._edge
            factor = min(ABOVE, 1 - edge + 2 * edge * (self._paced / self._even) ** 2)
        self._pace.rate = self.believed * factor
