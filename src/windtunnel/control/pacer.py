"""How many requests per second: cut to the rate measured between two empty buckets."""

from __future__ import annotations

from collections import deque
from math import inf, sqrt

from windtunnel.control.pace import Pace

BELOW = 0.98  # of the measured limit, after a cut
EVEN_AFTER = 70  # paced sends until the pace, growing quadratically, is back at the limit
REFUTED = 1.06  # above this × the measured limit without a refusal, the measurement is refuted
DOUBLING_S = 2.0  # and the pace doubles in this time, as it does while nothing is measured
GUESS = 0.8  # of the recent rate of acceptance: the pace before anything is measured
ENOUGH = 12  # accepted sends between two empty buckets that make a measurement
NOISE = 1.0  # relative spread of what one request costs, in the test for a changed limit
RECENT_S = 1.0  # time constant of the recent rate of acceptance
REMEMBERED = 8  # empty buckets


class Pacer:
    """`believed` is the limit in requests/s, inf while none was met.

    Between two instants of an empty bucket, what was accepted is what flowed in: the limit
    itself. The longest such stretch that agrees with the latest one is the measurement.
    """

    def __init__(self) -> None:
        self.believed = inf
        self.measured = False
        self.pace = Pace(inf)
        self._recent = 0.0
        self._accepted_at = 0.0
        self._paced = 0
        self._free_since: float | None = None
        self._empties = deque[tuple[float, int]](maxlen=REMEMBERED)

    @property
    def ready_at(self) -> float:
        """The earliest instant for the next send."""
        return self.pace.ready_at if self.believed < inf else -inf

    @property
    def above(self) -> bool:
        """Whether the pace is at or above a measured limit, so that it may be refused."""
        return self.measured and self.pace.rate >= 0.995 * self.believed

    def sent(self, now: float) -> bool:
        """Account for a send; true when it had to wait for the pace, which grows by these."""
        if self.believed == inf:
            return False
        paced = now < self.pace.due + 2 / self.pace.rate
        if paced:
            self._paced += 1
            self._grow(now)
        self.pace.spend(now)
        return paced

    def accepted(self, now: float) -> None:
        """Follow the recent rate of acceptance."""
        keep = max(0.0, 1 - (now - self._accepted_at) / RECENT_S)
        self._accepted_at = now
        self._recent = self._recent * keep + 1 / RECENT_S

    def refused(self, at: float, accepted: int) -> None:
        """The bucket was empty at `at`, when `accepted` sends had been accepted in all."""
        rate = self._between_empties(at, accepted)
        self.note_empty(at, accepted)
        self.measured = rate is not None
        self.believed = rate or max(0.2, min(self.pace.rate, self._recent) * GUESS)
        self.pace.rate = self.believed * BELOW
        self._paced = 0
        self._free_since = None

    def note_empty(self, at: float, accepted: int) -> None:
        """Remember an instant at which the bucket was (perhaps) empty."""
        if not self._empties or accepted - self._empties[-1][1] >= ENOUGH:
            self._empties.append((at, accepted))

    def _between_empties(self, at: float, accepted: int) -> float | None:
        best: float | None = None
        slack = 0.0
        for since, then in reversed(self._empties):
            count, span = accepted - then, at - since
            if count < ENOUGH or span <= 0:
                continue
            rate = count / span
            if best is None:
                slack = 3 * NOISE / sqrt(count) * rate
            elif abs(rate - best) > slack:
                break
            best = rate
        return best

    def _grow(self, now: float) -> None:
        factor = BELOW + (1 - BELOW) * (self._paced / EVEN_AFTER) ** 2
        if self.measured and factor <= REFUTED:
            self.pace.rate = self.believed * factor
            return
        if self._free_since is None:
            self._free_since = now
        start = self.believed * (REFUTED if self.measured else BELOW)
        self.pace.rate = start * 2 ** min(30.0, (now - self._free_since) / DOUBLING_S)
