"""A cap on requests in flight: ramp by clock, cut to what held, probe above it."""

from __future__ import annotations

from math import inf, log2

from stormproof.control.controller import Fate, Sent
from stormproof.control.measured import Measured

START = 2.0  # in flight at once before anything is known
DOUBLING_S = 0.4  # the ramp doubles in this time
FASTEST = 250.0  # slots a second: what is on its way when a limit is met is refused
HEADROOM = 1.6  # × the highest number known to be accepted, and START more: the ramp ends there
FIRST_PROBE_S = 0.4  # after a cut, one above the cap is tried; the wait doubles when refused,
SENDS = 6.0  # to what so many sends take at least,
LAST_PROBE_S, LAST_SENDS = 4.0, 120.0  # at most to this, or what so many sends take, if longer
GENERATION = 20  # accepted sends after which what was held before them no longer counts
BLUR = 40  # in flight to one slot that is free at the server and not yet heard of


class Cap:
    """`believed` is the limit in requests, inf while none was met.

    A probe tries `step` more. When all of it is accepted, the belief moves up and the next probe,
    twice as large, follows at once: a limit that was lifted is found in seconds.
    """

    def __init__(self, measured: Measured, start: float = inf) -> None:
        self._measured = measured
        self.believed = start  # where it starts: so many pass at once, and more is tried at once
        self.held = 0  # the highest number known accepted, in this generation or the last
        self._holding = 0  # the highest number accepted in this generation
        self._accepted = 0  # sends in this generation
        self._size = START  # the ramp, while nothing is believed
        self._grown_at = 0.0
        self._step = 1  # by which the next probe exceeds the belief
        self._refused_at = -inf  # the number at which it was met last
        self._probe_at = -inf
        self._wait_s = FIRST_PROBE_S  # from a cut to the next probe
        self._sent_at = -inf
        self._best = 0  # the highest belief that stood

    @property
    def fuzz(self) -> int:
        """Slots freed but not yet heard of blur the numbers by about so much."""
        return round(self.held / BLUR)

    @property
    def stands(self) -> bool:
        """Whether it was met again and again at the same number."""
        return self._wait_s > 2 * FIRST_PROBE_S

    def ready_at(self, now: float, in_flight: int) -> float:
        """See `Limit`."""
        number = in_flight + 1
        if self.believed == inf:
            return self._ramp(now, number)
        if number <= self.believed:
            return now
        return self._probe_from if number <= self.believed + self._step else inf

    def _ramp(self, now: float, number: int) -> float:
        self._grow(now)
        if number <= self._size:
            return now
        if number > self._top:
            return inf
        more = number - self._size
        return now + max(1e-3, more / FASTEST, DOUBLING_S * log2(1 + more / self._size))

    def sent(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`."""
        self._sent_at = now

    def evidence(self, sent: Sent, now: float) -> None:  # noqa: ARG002  the protocol's
        """See `Limit`."""
        if sent.fate is Fate.ACCEPTED:
            self._accepted += 1
            self._holding = max(self._holding, sent.least)
            self.held = max(self.held, sent.least)

    def raise_to(self, number: int, now: float) -> bool:
        """A send newer than the last cut was accepted; true when that moves the belief up."""
        if number < self.believed + self._step or self.believed == inf:
            return False
        self.believed = number
        rest = self._best - number  # it returns to what it was
        self._step = max(1, rest) if rest >= 0 else 2 * self._step
        self._probe_at = now
        self._wait_s = FIRST_PROBE_S
        return True

    def cut(self, number: int, now: float) -> None:
        """A send was refused for its number: cut below it, and look again later."""
        if abs(number - self._refused_at) > self.fuzz:
            self._wait_s = FIRST_PROBE_S
        elif number > self.believed:  # else it is the same overshoot, or blur
            later_s = max(2 * self._wait_s, SENDS * self._apart_s)
            self._wait_s = min(later_s, max(LAST_PROBE_S, LAST_SENDS * self._apart_s))
        self._refused_at = number
        if self._step > 1 and number <= self._best:  # it did not return to what it was
            self._best = number - 1
        self._believe(max(1, number - 1))
        self._probe_at = now + self._wait_s
        if self.stands:
            self._best = max(self._best, number - 1)

    def may_refuse(self, failed: Sent) -> bool:
        """An error as quick as a refusal, near or above the most that was accepted of late."""
        near = failed.number > self.held - 2 * self.fuzz
        return failed.fate is Fate.PENDING and self.held > 0 and near

    def forget(self, now: float) -> None:
        """It was not the number in flight after all: go on from what held."""
        if self._accepted >= GENERATION:
            self.held, self._holding, self._accepted = self._holding, 0, 0
        self._believe(inf)
        self._wait_s = FIRST_PROBE_S
        self._refused_at = -inf
        self._size = max(START, self.held)
        self._grown_at = now

    def restart(self, in_flight: int, now: float) -> None:
        """What held before no longer counts: ramp from what is in flight."""
        self.held = in_flight
        self.forget(now)

    @property
    def _top(self) -> float:
        return START + HEADROOM * self.held

    def _believe(self, number: float) -> None:
        self.believed = number
        self._step = 1

    def _grow(self, now: float) -> None:
        doublings = min(30.0, (now - self._grown_at) / DOUBLING_S)
        grown = min(self._size * 2**doublings, self._size + FASTEST * (now - self._grown_at))
        self._size = max(self._size, min(self._top, grown))
        self._grown_at = now

    @property
    def _probe_from(self) -> float:
        """Midway between two sends: at one with the last, a small bucket would refuse it."""
        midway = self._sent_at + self._apart_s / 2 if self._step == 1 else -inf
        return max(self._probe_at, midway)

    @property
    def _apart_s(self) -> float:
        """Seconds from send to send, of late."""
        return 1 / max(self._measured.recent_rps, 1.0)
