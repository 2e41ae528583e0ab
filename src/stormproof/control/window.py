"""Fixed windows: so many units in each period of the server's clock, however they are spread."""

from __future__ import annotations

from math import inf

from stormproof.control.controller import Fate, Sent
from stormproof.control.flow import Flow
from stormproof.control.pace import Pace

PERIODS_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)  # that services use
SPREAD = 0.93  # of a period, over which its units are spread: the rest asks whether there are more

Opening = tuple[float, float, float]  # refused until, accepted since, units accepted before


class Window:
    """`units` per `period_s`, inf while no window is known; `ends_at` is when the next begins.

    From opening to opening of the breaker a whole window's worth is accepted, whatever the pace.
    From then on its units are spread over it. One that lets through more is believed so far.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow  # whose units are counted
        self.units = self.period_s = self.ends_at = inf
        self._pace = Pace(inf)  # inf exactly while no window is known
        self._used = 0.0  # units of this window
        self._opening: Opening | None = None  # the last one
        self._refused_at = -inf  # when the latest refused send went

    @property
    def known(self) -> bool:
        """Whether there is such a window."""
        return self.units < inf

    def ready_at(self, now: float, in_flight: int) -> float:  # noqa: ARG002  the protocol's
        """See `Limit`."""
        return self._pace.ready_at

    def sent(self, sent: Sent, now: float) -> None:
        """See `Limit`."""
        if not self.known:
            return
        if now >= self.ends_at:
            self._begin(now - (now - self.ends_at) % self.period_s, max(self.units, self._used))
        cost = self._flow.cost(sent.tokens)
        self._used += cost
        self._pace.spend(now, cost)

    def evidence(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`. A refused send took nothing."""
        if sent.fate is Fate.REFUSED:
            self._used -= self._flow.cost(sent.tokens)
            self._refused_at = max(self._refused_at, sent.at)

    def opened(self, at: float) -> None:
        """A canary sent at `at` was accepted."""
        then, self._opening = self._opening, (self._refused_at, at, self._flow.accepted)
        if then is not None:
            self._learn(then, self._opening)

    def _learn(self, then: Opening, now: Opening) -> None:
        """One usual period alone explains the time between the two."""
        units = now[2] - then[2]
        shortest, longest = now[0] - then[1], now[1] - then[0]
        fits = [period for period in PERIODS_S if shortest <= period <= longest]
        if units >= 1 and len(fits) == 1:
            self.period_s = fits[0]
            self._begin(now[1], units)

    def _begin(self, at: float, units: float) -> None:
        self.ends_at = at + self.period_s
        self.units, self._used = units, 0.0
        self._pace.rate = units / (self.period_s * SPREAD)
