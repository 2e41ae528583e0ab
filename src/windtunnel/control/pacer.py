"""How many requests per second: cut to the rate measured between two empty buckets."""

from __future__ import annotations

from collections import deque
from math import inf, sqrt

from windtunnel.control.pace import Pace

BELOW = 0.99  # of the measured limit, after a cut
ABOVE = 1.3  # and no more than this, until the measurement is refuted
# Paced sends until the pace, growing quadratically, is back at the limit: the more often the
# measurement was confirmed, the more.
EVEN_AFTER = (25, 40, 60, 80, 100)
CONFIRMED = 0.05  # a new measurement this near the old one confirms it
RESERVE = 1.5  # requests' worth of pause after a cut, so that the bucket is not empty
# Requests more than the believed rate could have let through: it is refuted; by confirmations.
REFUTED = (2.5, 4.0, 5.5, 7.0, 7.0)
DOUBTS = 5  # refutations that proved false, each of which doubles what the next one takes
LEAST_GROWTH = 24.0  # requests/s: slower endpoints grow as if they were this fast
LIFT = 0.85  # of the pace at which a refuted measurement's successor met a refusal
MOST = 3.0  # times the refuted measurement, at most
DOUBLING_S = 2.0  # of paced sending: the pace doubles where nothing is measured or it is refuted
LATE_S, LATE = 0.01, 0.25  # a send this late (seconds, intervals) still waited for the pace
ENOUGH = 12  # accepted sends between two empty buckets that make a measurement
SPAN_S = 0.5  # between them, for a guess from fewer
FALLEN = 0.6  # of what the measured limit would have let through: the limit has fallen
GUESS = 0.8  # of the recent rate of acceptance, where nothing better is known
NEAR = 0.2  # two fixed windows that agree so well tell the same limit
LULL_S = 1.0  # shut for so long by refusals: as by a fixed window
WINDOWS = 3.0  # allowances until the pace is back at the limit
LIFT_PAUSE = 0.5  # of the time in which sends are confirmed: those on their way empty the bucket
CATCH_S = 0.5  # and a lift that is refused so soon is halfway taken back
LEAST = 2.0  # requests/s
NOISE = 0.7  # relative spread of what one request costs, in tests for a changed limit
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
        self.recent = 0.0
        self._accepted_at = 0.0
        self._paced = 0.0
        self._credit = RESERVE
        self._free = False
        self._confirmed = 0
        self._doubts = 0
        self._proven = 0.0  # what the last fixed window said
        self._fallback = (0.0, -inf)  # what was believed before it was refuted, and until when
        self._empties = deque[tuple[float, int]](maxlen=REMEMBERED)
        self._opening: tuple[float, int] | None = None  # last reopening after refusals, accepted
        self._allowance = 0.0  # of a fixed window, where one was met

    @property
    def ready_at(self) -> float:
        """The earliest instant for the next send."""
        return self.pace.ready_at if self.believed < inf else -inf

    @property
    def above(self) -> bool:
        """Whether the pace is at or above a measured limit, so that it may be refused."""
        return self.measured and self.pace.rate >= 0.995 * self.believed

    def sent(self, now: float, *, grow: bool) -> bool:
        """Account for a send; true when it had to wait for the pace, which grows by these."""
        if self.believed == inf:
            return False
        paced = now < self.ready_at + max(LATE_S, LATE / self.pace.rate)
        if paced and grow:
            self._paced += max(1.0, LEAST_GROWTH / self.pace.rate)
            self._grow()
        self.pace.spend(now)
        return paced

    def accepted(self, now: float) -> None:
        """Follow the recent rate of acceptance."""
        keep = max(0.0, 1 - (now - self._accepted_at) / RECENT_S)
        self._accepted_at = now
        self.recent = self.recent * keep + 1 / RECENT_S

    def cut(self, now: float, pause_s: float) -> None:
        """Refused for the rate: below what is believed, until `empty` measures it.

        `pause_s` is when that will be known; where nothing was measured, nothing is sent before.
        """
        self._allowance /= 2  # a window would have shut the gate
        lifted = self.measured and self._free
        if not self.measured:
            self._believe(max(LEAST, min(self.pace.rate, self.recent) * GUESS))
        elif lifted:  # the bucket had overflowed, or was full: try a higher limit
            self._fallback = (self.believed, now)
            self._empties.clear()
            self._believe(max(self.believed, min(LIFT * self.pace.rate, MOST * self.believed)))
        else:
            self._believe(self._fallen_back(now))
        pause = RESERVE / self.believed if self.measured else pause_s
        if lifted:
            pause = max(pause, LIFT_PAUSE * pause_s)
        self.pace.due = max(self.pace.due, now + pause)

    def _fallen_back(self, now: float) -> float:
        """Refused at once after a lift: the limit lies between what stood before and the lift."""
        (rate, since), self._fallback = self._fallback, (0.0, -inf)
        if not rate:
            return self.believed
        soon = now - since < ENOUGH / self.believed + CATCH_S
        self._doubts = min(DOUBTS, self._doubts + 1) if soon else max(0, self._doubts - 1)
        return sqrt(rate * self.believed) if soon else self.believed

    def empty(self, at: float, accepted: int, *, certain: bool) -> None:
        """The bucket was (perhaps) empty at `at`, when `accepted` sends had been accepted."""
        rate = self._between_empties(at, accepted) if certain else None
        if not certain:
            pass
        elif self.believed < inf and (rate or not self.measured):
            self._measure(rate, at, accepted)
        elif self.measured and self._fallen(at, accepted):
            self.measured = False
            self._measure(None, at, accepted)
        if not self._empties or accepted - self._empties[-1][1] >= ENOUGH:
            self._empties.append((at, accepted))

    def reopened(self, at: float, accepted: int, shut_s: float) -> None:
        """The gate opens after refusals: from opening to opening a fixed window's worth flows.

        Where two agree, and the gate was shut as long as windows shut it, that is the allowance:
        less than so much above the pace says nothing.
        """
        then, self._opening = self._opening, (at, accepted)
        if then is not None and accepted - then[1] >= ENOUGH and at > then[0]:
            rate = (accepted - then[1]) / (at - then[0])
            if abs(rate - self._proven) <= NEAR * rate and (self.measured or shut_s > LULL_S):
                self._confirmed = min(self._confirmed + 1, len(EVEN_AFTER) - 1)
                self._doubts = min(DOUBTS, self._doubts + 1)
                self._allowance = float(accepted - then[1]) if shut_s > LULL_S else 0.0
            self._proven = rate
            self._fallback = (0.0, -inf)
            self._believe(rate)
            self.measured = True
        self.rested()

    def acquit(self) -> None:
        """It was the number in flight: a pace that was only guessed binds no longer."""
        if not self.measured:
            self.believed = inf

    def rested(self) -> None:
        """Nothing was sent for a while: buckets may have overflowed since they were empty."""
        self._empties.clear()

    def _measure(self, rate: float | None, at: float, accepted: int) -> None:
        near = rate is not None and abs(rate - self.believed) <= self._tolerance(accepted) * rate
        self._confirmed = min(self._confirmed + 1, len(EVEN_AFTER) - 1) if near else 0
        if rate is not None:
            self.measured = True
            self._believe(rate)
        elif self._empties and at - self._empties[-1][0] >= SPAN_S:
            since, then = self._empties[-1]
            self._believe(max(1, accepted - then) / (at - since))

    def _tolerance(self, accepted: int) -> float:
        count = max(ENOUGH, accepted - self._empties[-1][1]) if self._empties else ENOUGH
        return max(CONFIRMED, 2 * NOISE / sqrt(count))

    def _fallen(self, at: float, accepted: int) -> bool:
        if not self._empties or at - self._empties[-1][0] < SPAN_S:
            return False
        since, then = self._empties[-1]
        count = accepted - then
        return count + 2 * sqrt(count) + 2 < FALLEN * self.believed * (at - since)

    def _between_empties(self, at: float, accepted: int) -> float | None:
        best: float | None = None
        slack = 0.0
        for since, then in reversed(self._empties):
            count, span = accepted - then, at - since
            if count < ENOUGH or span <= 0:
                continue
            rate = count / span
            if best is None:
                slack = 4 * NOISE / sqrt(count) * rate
            elif abs(rate - best) > slack:
                break
            best = rate
        return best

    def _believe(self, rate: float) -> None:
        self.believed = rate
        self.pace.rate = rate * BELOW
        self._paced = 0.0
        self._credit = RESERVE
        self._free = False

    def _grow(self) -> None:
        """Slowly around a measured limit; doubling where nothing is measured or it is refuted."""
        even = max(EVEN_AFTER[self._confirmed], WINDOWS * self._allowance)
        factor = BELOW + (1 - BELOW) * (self._paced / even) ** 2
        factor = min(factor, ABOVE)
        self._credit += 1 - factor
        enough = max(REFUTED[self._confirmed] * 2**self._doubts, self._allowance)
        self._free = not self.measured or self._credit < -enough
        if self._free:
            self.pace.rate *= 2 ** (1 / self.pace.rate / DOUBLING_S)
        else:
            self.pace.rate = self.believed * factor
