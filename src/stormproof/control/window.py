"""Fixed windows: so many units in each period of the server's clock, however they are spread."""

from __future__ import annotations

from math import floor, inf

from stormproof.control.breaker import LULL_S
from stormproof.control.controller import Fate, Sent
from stormproof.control.flow import Flow
from stormproof.control.pace import Pace

PERIODS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)  # that services use
ENOUGH = 8.0  # units in a window that is worth knowing
RESOLUTION = 0.25  # of a period, to which the instant must be known at which a window began
EARLY = 0.95  # of a period in which its units are sent
SPENT = 0.85  # of the units sent: a refusal says that the window is used up, and nothing else
AT_ONCE_S = 1.0  # from the first refusal until the gate is shut, where a window is used up
MARGIN_S = 0.03  # after the end of a window, for sends that overtake
LOOK_EVERY = 6  # windows, of which one is not held to its units: there may be more

Opening = tuple[float, float, float]  # refused until, accepted since, units accepted before


class Window:
    """`units` per `period_s`, inf while no window is known; `ends_at` is when the next begins.

    From opening to opening a whole window's worth is accepted, whatever the pace. Each window
    is used up a little before it ends, and one in six is asked for more.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow  # whose units are counted
        self.units = self.period_s = self.ends_at = inf
        self.suspected_until = -inf  # one may be in force: use it up, and see it begin anew
        self._pace = Pace(inf)
        self._windows = 0  # since it is known
        self._used = 0.0  # units of this one
        self.used_up = False  # a refusal has said that nothing more passes in this one
        self._opening: Opening | None = None
        self._first_refused_at = inf  # when the first refused send since the last opening went
        self._refused_at = -inf  # and when the latest of all did

    @property
    def known(self) -> bool:
        """Whether there is such a window."""
        return self.units < inf

    def ready_at(self, now: float, in_flight: int) -> float:  # noqa: ARG002  the protocol's
        """See `Limit`: the next window, when this one is used up."""
        if not self.known:
            return -inf
        looks = self._windows % LOOK_EVERY == LOOK_EVERY - 1
        full = self.used_up or (self._used + 1 > self.units and not looks)
        waits = self.ends_at + MARGIN_S if full else -inf
        return max(waits, self._pace.ready_at)

    def sent(self, sent: Sent, now: float) -> None:
        """See `Limit`."""
        if not self.known:
            return
        if now >= self.ends_at:
            self._next(now)
        cost = self._flow.cost(sent.tokens)
        self._used += cost
        self._pace.spend(now, cost)

    def evidence(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`. A refused send took nothing."""
        if sent.fate is Fate.REFUSED:
            self._used -= self._flow.cost(sent.tokens)
            self._first_refused_at = min(self._first_refused_at, sent.at)
            self._refused_at = max(self._refused_at, sent.at)

    def refused(self) -> bool:
        """Whether a refusal speaks of the window: it is `used_up`, or has not begun yet.

        Else, in the midst of it, there is no such window.
        """
        if not self.known:
            return False
        if self._used >= SPENT * self.units:
            self.ends_at -= max(0.0, self.units - self._used - 1) / self._pace.rate  # began earlier
            self.used_up = True
        elif self._used > (1 - SPENT) * self.units:
            self.forget()
        return self.known

    def opened(self, shut_at: float, at: float) -> None:
        """A canary sent at `at` was accepted."""
        then, self._opening = self._opening, (self._refused_at, at, self._flow.accepted)
        if at - shut_at > LULL_S:
            self.suspected_until = at + PERIODS_S[-1]
        whole = shut_at - self._first_refused_at < AT_ONCE_S
        self._first_refused_at = inf
        if then is not None and not self.known and whole:
            self._learn(then, self._opening)
        if self.known:
            self.ends_at = at + self.period_s
            self._used = 1.0
            self.used_up = False

    def forget(self) -> None:
        """There is no such window, or another one."""
        self.units = self.period_s = self.ends_at = inf
        self._opening = None

    def _next(self, now: float) -> None:
        if self._used > self.units:  # there is more
            self._set(self._used)
            self._windows -= 1
        passed = floor((now - self.ends_at) / self.period_s) + 1
        self.ends_at += passed * self.period_s
        self._windows += 1
        self._used = 0.0
        self.used_up = False

    def _set(self, units: float) -> None:
        self.units = units
        self._pace.rate = units / (self.period_s * EARLY)

    def _learn(self, then: Opening, now: Opening) -> None:
        units = now[2] - then[2]
        shortest, longest = now[0] - then[1], now[1] - then[0]
        fits = [period for period in PERIODS_S if shortest <= period <= longest]
        if units >= ENOUGH and len(fits) == 1 and now[1] - now[0] < RESOLUTION * fits[0]:
            self.period_s = fits[0]
            self._set(units)
            self._windows = 0
