"""How many requests per second: cut to the rate measured between two empty buckets."""

from __future__ import annotations

from math import inf

from windtunnel.control.pace import Pace

BELOW = 0.98  # of the measured limit, after a cut
STEP = 2e-4  # of the measured limit, added per paced send that was not refused
REFUTED = 1.06  # above this × the measured limit without a refusal, the measurement is refuted
DOUBLING_S = 2.0  # and the pace doubles in this time
ENOUGH = 12  # accepted sends between two empty buckets that make a measurement
RECENT_S = 1.0  # time constant of the recent rate of acceptance


class Pacer:
    """`believed` is the measured limit in requests/s, inf while none was met."""

    def __init__(self) -> None:
        self.believed = inf
        self.pace = Pace(inf)
        self.accepted_rate = 0.0
        self._factor = BELOW
        self._paced = 0
        self._free_since: float | None = None
        self._empty: tuple[float, int] | None = None  # an instant of an empty bucket, accepted
        self._accepted_at = 0.0

    @property
    def ready_at(self) -> float:
        """The earliest instant for the next send."""
        return self.pace.ready_at if self.believed < inf else -inf

    @property
    def probing(self) -> bool:
        """Whether the pace is near or above the believed limit, so that refusals are expected."""
        return self.believed < inf and self._factor >= BELOW

    def sent(self, now: float) -> None:
        """Account for a send, and grow by those that had to wait for the pace."""
        if self.believed == inf:
            return
        if now < self.pace.due + 2 / self.pace.rate:
            self._paced += 1
            self._grow(now)
        self.pace.spend(now)

    def accepted(self, now: float) -> None:
        """Follow the recent rate of acceptance."""
        gap = max(0.0, now - self._accepted_at)
        self._accepted_at = now
        keep = max(0.0, 1 - gap / RECENT_S)
        self.accepted_rate = self.accepted_rate * keep + 1 / RECENT_S

    def refused(self, at: float, accepted: int) -> None:
        """The bucket was empty at `at`, when `accepted` sends had been accepted in all."""
        measured = None
        if self._empty is not None and accepted - self._empty[1] >= ENOUGH:
            measured = (accepted - self._empty[1]) / max(1e-3, at - self._empty[0])
        if measured is None:
            measured = min(self.pace.rate, max(0.2, self.accepted_rate))
        if self._empty is None or accepted - self._empty[1] >= ENOUGH:
            self._empty = (at, accepted)
        self.believed = measured
        self._paced = 0
        self._free_since = None
        self._set(BELOW)

    def note_empty(self, at: float, accepted: int) -> None:
        """A refusal that may turn out to have been for the rate."""
        self._empty = (at, accepted)

    def _grow(self, now: float) -> None:
        factor = BELOW + STEP * self._paced
        if factor > REFUTED:
            if self._free_since is None:
                self._free_since = now
            factor = REFUTED * 2 ** ((now - self._free_since) / DOUBLING_S)
        self._set(factor)

    def _set(self, factor: float) -> None:
        self._factor = factor
        self.pace.rate = self.believed * factor
