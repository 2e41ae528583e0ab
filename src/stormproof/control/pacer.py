"""How many requests per second: cut to the rate measured between two empty buckets."""

from __future__ import annotations

from math import inf, sqrt

from stormproof.control.flow import Flow
from stormproof.control.pace import Pace
from stormproof.control.quota import Quota

BELOW = 0.995  # of the measured limit, after a cut
GROWTH = 0.01  # of it, when as much has been sent as `EVEN_AFTER` says; then quadratically more
ABOVE = 1.3  # and no more than this, until the measurement is refuted
# Paced units until the pace, growing quadratically, is back at the limit: the more often the
# measurement was confirmed, the more.
EVEN_AFTER = (25, 40, 60, 80, 100, 125, 150, 175, 200)
SURE = 2  # confirmations after which a belief that is refuted was right, and has changed
EAGER = 4  # confirmations that count while the limit is one that has fallen: it may come back
CONFIRMED = 0.05  # a new measurement this near the old one confirms it
RESERVE = 1.5  # units' worth of pause after a cut, so that the bucket is not empty
AGAIN = 10.0  # units after a cut: refused so soon, and below what is believed: measure first
LEAST_GROWTH = 24.0  # units/s: slower endpoints grow as if they were this fast
FIRST_EXCESS = 0.15  # over a belief that is refuted; it doubles, as does the pace that is guessed,
DOUBLING_S = 1.0  # in this time of paced sending
PATIENCE = 10.0  # × that time, while a window may be in force
LATE_S, LATE = 0.01, 0.25  # a send this late (seconds, intervals) still waited for the pace
ENOUGH = 12.0  # units between two empty buckets that make a measurement
FALLEN = 0.8  # of what is believed: the limit has fallen, however short the stretch
GUESS = 0.6  # of the recent rate of acceptance, where nothing better is known
LIFT_PAUSE = 0.5  # of the time in which sends are confirmed: those on their way empty the bucket
USE_UP = 2.0  # × what is believed, to use up a window that is suspected, and see it begin anew
NOISE = 1.3  # × what is believed, refused at such a pace: it may just have been measured badly
LEAST = 2.0  # units/s, of a guess
LEAST_FALLEN = 0.5  # units/s, of what a few units say: less would take minutes to be refuted
RECENT_S = 1.0  # time constant of the recent rate of acceptance


class Pacer:
    """`believed` is the limit in units/s (see `Flow`), inf while none was met.

    From a little below it the pace grows to a little above, until a refusal measures it anew.
    Passing more than it could have let through refutes it: then the excess doubles, or, where
    the limit had fallen before, it is believed to be what it was.
    """

    def __init__(self, guess: float = inf) -> None:
        self.believed = guess
        self.measured = False
        self.pace = Pace(guess)
        self.flow = Flow()
        self.quota = Quota()
        self.recent = 0.0  # units/s accepted of late
        self._accepted_at = 0.0
        self._paced = 0.0  # units since the last cut
        self._spent = 0.0  # units since the bucket was empty
        self._empty_at = 0.0
        self._confirmed = 0
        self._best = 0.0  # what was ever believed and confirmed
        self._returned = False  # it is believed again, and was not confirmed since
        self._free = False
        self._opened: tuple[float, float] | None = None  # when last, and units accepted until then

    @property
    def ready_at(self) -> float:
        """The earliest instant for the next send."""
        if self.quota.known:
            return max(self.pace.ready_at, self.quota.ready_at)
        return self.pace.ready_at if self.believed < inf else -inf

    @property
    def above(self) -> bool:
        """Whether the pace is at or above a measured limit, so that it may be refused."""
        return self.measured and self.pace.rate >= 0.995 * self.believed

    @property
    def guessed(self) -> bool:
        """Whether a limit was met that is not measured yet."""
        return self.believed < inf and not self.measured

    @property
    def free(self) -> bool:
        """Whether no limit is measured, or the measurement is refuted."""
        return not self.measured or self._free

    def sent(self, now: float, tokens: float, *, grow: bool) -> bool:
        """Account for a send; true when it had to wait for the pace, which grows by these."""
        if self.believed == inf:
            return False
        cost = self.flow.cost(tokens)
        if self.quota.known:
            self.quota.sent(now, cost)
            self.pace.rate = self.quota.rate
            self.pace.spend(now, cost)
            return False
        paced = now < self.ready_at + max(LATE_S, LATE / self.pace.rate)
        self._spent += cost
        if paced and grow:
            self._grow(now, cost)
        self.pace.spend(now, cost)
        return paced

    def accepted(self, now: float) -> None:
        """Follow the recent rate of acceptance."""
        self._opened = self._opened or (now, 0.0)
        keep = max(0.0, 1 - (now - self._accepted_at) / RECENT_S)
        self._accepted_at = now
        self.recent = self.recent * keep + 1 / RECENT_S

    def cut(self, now: float, confirm_s: float) -> None:
        """Refused for the rate: back to what is believed, until `empty` measures it.

        That takes `confirm_s`; nothing is sent meanwhile where the refusal was a surprise.
        """
        pause_s = 0.0
        if not self.measured:
            self._believe(max(LEAST, min(self.pace.rate, self.recent) * GUESS))
            pause_s = confirm_s
        elif self.free:
            self._lifted(now)
            pause_s = LIFT_PAUSE * confirm_s
        else:
            pause_s = confirm_s if now - self._empty_at < AGAIN / self.believed else 0.0
            self._believe(self.believed)
        self._spent, self._empty_at = 0.0, now
        self.pace.due = max(self.pace.due, now + max(pause_s, RESERVE / self.believed))

    def _lifted(self, now: float) -> None:
        """What was sent since the bucket was empty has flowed in, and more if it overflowed."""
        least = max(self.believed, self._spent / max(now - self._empty_at, 1 / self.believed))
        if self.pace.rate < NOISE * self.believed:
            self._believe(least)
        else:  # it has risen, who knows when: the limit is somewhere between
            self.flow.forget()
            self._believe(sqrt(least * self.pace.rate))

    def empty(self, at: float, *, certain: bool) -> None:
        """The bucket was (perhaps) empty at `at`."""
        units, span_s = self.flow.empty(at)
        if not certain or not units or self.believed == inf:
            return
        rate = units / span_s
        if not self.measured or units + self.flow.slack < FALLEN * self.believed * span_s:
            self._confirmed = 0
            self._best = rate if self._returned else self._best
            self._returned = False
            self._believe(max(rate, LEAST_FALLEN))
        if units >= ENOUGH:
            self._measure(rate, max(CONFIRMED * rate, self.flow.slack / span_s))

    def _measure(self, rate: float, error: float) -> None:
        near = abs(rate - self.believed) <= error
        self._confirmed = min(self._confirmed + 1, len(EVEN_AFTER) - 1) if near else 0
        self.measured = True
        self._believe(rate)
        if near:
            self._returned = False
            self._best = max(self._best, rate)

    def returned(self, now: float, tokens: float) -> None:
        """A send was refused: it took nothing."""
        self.quota.returned(now, self.flow.cost(tokens))

    def acquit(self) -> None:
        """It was the number in flight: no pace binds."""
        self.believed = inf
        self.measured = False
        self.quota.suspected_until = -inf

    def reopened(self, shut_at: float, refused_at: float, at: float) -> None:
        """The gate opens after refusals: a window may have begun."""
        self.flow.forget()
        accepted = self.flow.accepted
        (since, before), self._opened = self._opened or (at, 0.0), (at, accepted)
        self.quota.opened(shut_at, refused_at, at, accepted)
        if self.quota.known:
            self._believe(self.quota.rate)
            self.measured = True
        elif accepted - before >= ENOUGH and at > since:
            self._believe((accepted - before) / (at - since))
            self.measured = True
            if at < self.quota.suspected_until:
                self.pace.rate *= USE_UP
        else:
            self.measured = False
            self.quota.suspected_until = -inf
        self._spent, self._empty_at = 0.0, at

    def rested(self) -> None:
        """Nothing was sent for a while: buckets may have overflowed since they were empty."""
        self.flow.forget()

    def _believe(self, rate: float) -> None:
        self.believed = rate
        self.pace.rate = rate * BELOW
        self._paced = 0.0
        self._free = False

    def _return(self, now: float) -> None:
        """A limit that had fallen has risen: most likely to what it was, since who knows when."""
        saved = (self._best - self.believed) * (now - self._empty_at)
        self.flow.forget()
        self._returned = True
        self._spent, self._empty_at = -saved, now
        self._believe(self._best)

    def _reserve(self, now: float) -> float:
        """Units in the bucket, if the belief is right."""
        return self.believed * (now - self._empty_at) - self._spent

    def _grow(self, now: float, cost: float) -> None:
        """Slowly around a measured limit; the excess doubles where there is none."""
        factor = self.pace.rate / self.believed
        known = self.measured and not self._free and now > self.quota.suspected_until
        if known and self._reserve(now) < -self.flow.slack:
            if self._confirmed >= SURE and self.believed < FALLEN * self._best:
                self._return(now)
                return
            self._free = True
        doublings = cost / self.pace.rate / DOUBLING_S
        if now < self.quota.suspected_until:
            factor *= 2 ** (doublings / PATIENCE)
        elif not self.measured:
            factor *= 2**doublings
        elif self._free:
            factor = 1 + max(FIRST_EXCESS, factor - 1) * 2**doublings
        else:
            self._paced += cost * max(1.0, LEAST_GROWTH / self.pace.rate)
            fallen = self.believed < FALLEN * self._best
            even = EVEN_AFTER[min(self._confirmed, EAGER) if fallen else self._confirmed]
            factor = min(ABOVE, BELOW + GROWTH * (self._paced / even) ** 2)
        self.pace.rate = self.believed * factor
