"""Spacing of sends: the generic cell rate algorithm, and declared limits built from it."""

from __future__ import annotations

from math import inf

from stormproof.control.controller import Sent
from stormproof.domain.pool import Limits

TOLERANCE_S = 0.02  # a late timer may be caught up for; any T seconds hold ≤ rate·(T + 0.02) + 1


class Pace:
    """At most `rate` units per second, evenly: GCRA with a tolerance in seconds.

    `due` is the instant at which everything spent so far is paid for.
    """

    __slots__ = ("due", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.due = -inf

    @property
    def ready_at(self) -> float:
        """The earliest instant at which a unit may be spent."""
        return self.due - TOLERANCE_S

    def spend(self, now: float, cost: float = 1.0) -> None:
        """Spend units at `now`; a cost above 1 is allowed at once and waited for afterwards."""
        self.due = max(self.due, now) + cost / self.rate


class Ceiling:
    """The `Limit` of what is declared for an endpoint, deployment, key or provider: held exactly.

    Tokens are the caller's estimate; `correct` adds what it missed.
    """

    def __init__(self, limits: Limits) -> None:
        self.workers = inf if limits.max_workers is None else limits.max_workers
        self._most_rps = min(limits.qps or inf, (limits.rpm or inf) / 60)  # declared
        self._most_tps = (limits.tpm or inf) / 60  # declared
        self._requests = Pace(self._most_rps)
        self._tokens = Pace(self._most_tps)

    def ready_at(self, now: float, in_flight: int) -> float:  # noqa: ARG002  the protocol's
        """See `Limit`; inf when a send must end first."""
        if in_flight >= self.workers:
            return inf
        return max(self._requests.ready_at, self._tokens.ready_at)

    def advertised(self, rpm: float | None, tpm: float | None) -> None:
        """Limits per minute that headers name, beside the declared ones: the lower binds."""
        if rpm:
            self._requests.rate = min(self._most_rps, rpm / 60)
        if tpm:
            self._tokens.rate = min(self._most_tps, tpm / 60)

    def sent(self, sent: Sent, now: float) -> None:
        """See `Limit`."""
        self._requests.spend(now)
        self._tokens.spend(now, sent.tokens)

    def evidence(self, sent: Sent, now: float) -> None:
        """See `Limit`. What was declared stands, whatever becomes of a send."""

    def correct(self, now: float, tokens: float) -> None:
        """A send cost `tokens` more (or fewer) than was estimated."""
        self._tokens.spend(now, tokens)
