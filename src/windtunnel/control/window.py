"""How many requests may be in flight: ramp by clock, cut to what held, probe one above."""

from __future__ import annotations

from math import inf, log2

START = 8.0  # in flight at once before anything is known
DOUBLING_S = 1.0  # the ramp doubles in this time
HEADROOM = 1.4  # and stays below this × the highest number known to be accepted
FIRST_PROBE_S = 0.4  # after a cut, one more than the cap is tried; the wait doubles when refused
LAST_PROBE_S = 12.0
PROBE_EVERY = 60  # and at least so many sends lie between two probes, once the first two failed


class Window:
    """`cap` is the believed limit (inf: none met), `held` the highest number known accepted."""

    def __init__(self, ceiling: float = inf) -> None:
        self.ceiling = ceiling
        self.cap = inf
        self.held = 0
        self.failed_probes = 0
        self._size = START
        self._grown_at = 0.0
        self._probe_at = inf
        self._probe_wait_s = FIRST_PROBE_S
        self._probe_out = False
        self._sends = 0

    @property
    def fuzz(self) -> int:
        """Numbers count at our side; slots freed but not yet heard of blur them by so much."""
        return 1 + self.held // 30

    def limit(self, now: float) -> float:
        """How many may be in flight now."""
        if self.cap < inf:
            return min(self.ceiling, self.cap + self._may_probe(now))
        top = max(START, HEADROOM * self.held + 2)
        self._size = min(top, self._size * 2 ** min(60.0, (now - self._grown_at) / DOUBLING_S))
        self._grown_at = now
        return min(self.ceiling, self._size)

    def opens_at(self, now: float, in_flight: int) -> float:
        """When one more may fly if nothing is heard meanwhile; inf when something must be."""
        need = in_flight + 1
        if self.limit(now) >= need:
            return now
        if need > self.ceiling or self._probe_out:
            return inf
        if self.cap < inf:
            due = self._sends >= PROBE_EVERY or self.failed_probes < 2  # noqa: PLR2004  as said
            return self._probe_at if due and need <= self.cap + 1 else inf
        wait = DOUBLING_S * log2(need / self._size)
        return now + wait if need <= max(START, HEADROOM * self.held + 2) else inf

    def sent(self, number: int) -> bool:
        """Note a send; true when it is a probe above the cap."""
        self._sends += 1
        self._probe_out = self._probe_out or number > self.cap
        return number > self.cap

    def accepted(self, number: int, now: float) -> bool:
        """A send was accepted; true when that refutes the cap."""
        self.held = max(self.held, number)
        if number <= self.cap:
            return False
        self._ramp(number, now)
        return True

    def refused(self, number: int, now: float) -> None:
        """A send was refused for its number: cut below it, and look again later."""
        if number > self.cap:  # a probe has said that the cap still stands
            self.failed_probes += 1
            self._probe_wait_s = min(LAST_PROBE_S, self._probe_wait_s * 2)
        else:
            self.cap = max(1, number - 1)
            self.failed_probes = 0
            self._probe_wait_s = FIRST_PROBE_S
        self.held = min(self.held, int(self.cap))
        self._probe_out = False
        self._sends = 0
        self._probe_at = now + self._probe_wait_s

    def probe_lost(self, now: float) -> None:
        """The probe ended without saying anything."""
        self._probe_out = False
        self._probe_at = now + self._probe_wait_s

    def forget_cap(self, now: float) -> None:
        """It was not the number in flight after all: go on from what held."""
        self._ramp(max(self.held, START), now)

    def restart(self, in_flight: int, now: float) -> None:
        """What held before no longer counts: ramp from what is in flight."""
        self.held = in_flight
        self._ramp(max(START, HEADROOM * in_flight), now)

    def _ramp(self, size: float, now: float) -> None:
        self.cap = inf
        self.failed_probes = 0
        self._probe_out = False
        self._size = size
        self._grown_at = now

    def _may_probe(self, now: float) -> int:
        due = self._sends >= PROBE_EVERY or self.failed_probes < 2  # noqa: PLR2004  see opens_at
        return int(due and not self._probe_out and now >= self._probe_at)
