"""Spacing of sends: the generic cell rate algorithm, and declared limits built from it."""

from __future__ import annotations

from math import inf

from stormproof.domain.pool import Limits

TOLERANCE_S = 0.02  # a late timer may be caught up for; any T seconds hold ≤ rate·(T + 0.02) + 1
MINUTE_TOLERANCE_S = 0.5  # for limits that are counted per minute


class Pace:
    """At most `rate` units per second, evenly: GCRA with a tolerance in seconds.

    `due` is the instant at which everything spent so far is paid for.
    """

    __slots__ = ("due", "rate", "tolerance_s")

    def __init__(self, rate: float, tolerance_s: float = TOLERANCE_S) -> None:
        self.rate = rate
        self.tolerance_s = tolerance_s
        self.due = -inf

    @property
    def ready_at(self) -> float:
        """The earliest instant at which a unit may be spent."""
        return self.due - self.tolerance_s

    def spend(self, now: float, cost: float = 1.0) -> None:
        """Spend units at `now`; a cost above 1 is allowed at once and waited for afterwards."""
        self.due = max(self.due, now) + cost / self.rate


class Ceiling:
    """Declared limits of one level (endpoint, deployment, key or provider), held exactly.

    `take` one permit per send and `give_back` it when the send has ended. Tokens are the
    caller's estimate; `correct` adds what the estimate missed.
    """

    __slots__ = ("_declared_rpm", "_declared_tpm", "_paces", "_tokens", "_told", "in_flight",
                 "workers")  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self.in_flight = 0
        self.workers = inf if limits.max_workers is None else limits.max_workers
        self._paces = [Pace(limits.qps)] if limits.qps else []
        self._told: Pace | None = None
        self._tokens: Pace | None = None
        self._declared_rpm = limits.rpm or inf
        self._declared_tpm = limits.tpm or inf
        self.told(limits.rpm, limits.tpm)

    def ready_at(self) -> float:
        """The earliest instant for a send; inf when one must end first."""
        if self.in_flight >= self.workers:
            return inf
        ready = self._tokens.ready_at if self._tokens else -inf
        if self._told:
            ready = max(ready, self._told.ready_at)
        for pace in self._paces:
            ready = max(ready, pace.ready_at)
        return ready

    def told(self, rpm: float | None, tpm: float | None) -> None:
        """Limits per minute that headers told, beside the declared ones: the lower binds."""
        if rpm:
            self._told = _at(self._told, min(rpm, self._declared_rpm) / 60)
        if tpm:
            self._tokens = _at(self._tokens, min(tpm, self._declared_tpm) / 60)

    def take(self, now: float, tokens: float = 0.0) -> None:
        """Account for a send of about `tokens` tokens."""
        self.in_flight += 1
        for pace in self._paces:
            pace.spend(now)
        if self._told:
            self._told.spend(now)
        if self._tokens:
            self._tokens.spend(now, tokens)

    def give_back(self) -> None:
        """The send has ended, in whatever way."""
        self.in_flight -= 1

    def correct(self, now: float, tokens: float) -> None:
        """The send cost `tokens` more (or fewer) than was estimated."""
        if self._tokens:
            self._tokens.spend(now, tokens)


def _at(pace: Pace | None, rate: float) -> Pace:
    """The pace, at a new rate."""
    if pace is None:
        return Pace(rate, MINUTE_TOLERANCE_S)
    pace.rate = rate
    return pace
