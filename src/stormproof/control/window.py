"""How many requests may be in flight: ramp by clock, cut to what held, probe above it."""

from __future__ import annotations

from math import inf, log2

START = 8.0  # in flight at once before anything is known
RESTART = 4.0  # and after refusals had shut the gate
DOUBLING_S = 0.7  # the ramp doubles in this time
FASTEST = 250.0  # slots a second: what is on its way when a limit is met is refused
HEADROOM = 1.4  # and stays below this × the highest number known to be accepted
FIRST_PROBE_S = 0.4  # after a cut, one above the cap is tried; the wait doubles when refused
LAST_PROBE_S = 4.0
PROBE_EVERY = 120  # and at least so many sends lie between two probes, once the first four failed,
PROBE_EVERY_SLOTS = 40  # or so many times the cap: above a small one there is more to win
FREE_PROBES = 4
STANDS, STANDS_S = 2, 1.0  # failed probes, and seconds waited for one, that make a cap certain
PROBE_LATEST_S = 24.0  # a probe is due after this time, however few the sends
EAGER_LATEST_S = 15.0  # where the cap has fallen below FALLEN × what it was: it may come back
FALLEN = 0.8
APART_S = 0.5  # at most, from the last send to a probe
GENERATION = 20  # accepted sends after which what was held before them no longer counts
UNHEARD_S = 0.05  # from a slot's end at the server to our hearing of it


class Window:
    """`cap` is the believed limit (inf: none met), `held` the highest number known accepted.

    A probe tries `step` more than the cap. When all of it is accepted, the cap moves up and the
    next probe, twice as large, follows at once: a limit that was lifted is found in seconds.
    """

    def __init__(self, ceiling: float = inf, cap: float = inf) -> None:
        self.ceiling = ceiling
        self.cap = cap
        self.held = 0
        self._holding = 0  # the same, since it was last looked at
        self._accepted = 0  # sends since then
        self.flow = 0.0  # requests/s accepted of late
        self.failed_probes = 0
        self._size = START
        self._grown_at = 0.0
        self._step = 1
        self._refused_at = -inf
        self._probing = False
        self._probe_at = self._probe_latest_at = inf
        self._probe_wait_s = FIRST_PROBE_S
        self._sends = 0
        self._sent_at = -inf
        self.stood = False
        self._best = 0  # caps that stood

    @property
    def fuzz(self) -> int:
        """Slots freed but not yet heard of blur the numbers by about so much."""
        return int(1 + self.held / 40 + self.flow * UNHEARD_S)

    @property
    def stands(self) -> bool:
        """Whether the cap was met again and again at the same number, for a while."""
        return self.failed_probes >= STANDS and self._probe_wait_s > STANDS_S

    @property
    def probing(self) -> bool:
        """Whether a probe is out, so that its acceptance is waited for."""
        return self._probing or self.cap == inf

    def limit(self, now: float) -> float:
        """How many may be in flight now."""
        if self.cap < inf:
            return min(self.ceiling, self.cap + (self._step if self._may_probe(now) else 0))
        self._grow(now)
        return min(self.ceiling, self._size)

    def opens_at(self, now: float, in_flight: int) -> float:
        """When one more may fly if nothing is heard meanwhile; inf when something must be."""
        if in_flight + 1 <= self.limit(now):
            return now
        if in_flight + 1 > self.ceiling:
            return inf
        if self.cap < inf:
            if self._probing or in_flight + 1 > self.cap + self._step:
                return inf
            return self._probe_from
        if in_flight + 1 > self._top:
            return inf
        more = in_flight + 1 - self._size
        return now + max(1e-3, more / FASTEST, DOUBLING_S * log2(1 + more / self._size))

    def sent(self, number: int, now: float) -> bool:
        """Note a send; true when it is a probe above the cap."""
        self._sends += 1
        self._sent_at = now
        self._probing = self._probing or number > self.cap
        return number > self.cap

    def accepted(self, number: int, now: float, *, fresh: bool = True) -> bool:
        """A send was accepted; true when that refutes the cap, by more than blur.

        A cap that had stood was one, and has risen. Only a `fresh` send, newer than the last
        cut, says anything about it.
        """
        self._holding = max(self._holding, number)
        self._accepted += 1
        self.held = max(self.held, number)
        if not fresh or number < self.cap + self._step or self.cap == inf:
            return False
        self.cap = number
        rest = self._best - number  # it returns to what it was
        self._step = max(1, rest) if rest >= 0 else 2 * self._step
        self._probing = False
        self._probe_at = now
        if number <= self._refused_at + self.fuzz:
            return False
        self.failed_probes = 0
        self._refused_at = number
        self._probe_latest_at = now
        self._probe_wait_s = FIRST_PROBE_S
        return not self.stood

    def refused(self, number: int, now: float) -> None:
        """A send was refused for its number: cut below it, and look again later."""
        if number <= self.cap < inf and abs(number - self._refused_at) <= self.fuzz:
            pass  # the same overshoot, or blur
        elif abs(number - self._refused_at) <= self.fuzz:  # the limit still stands
            self.failed_probes += 1
            self._probe_wait_s = min(LAST_PROBE_S, self._probe_wait_s * 2)
        else:
            self.failed_probes = 0
            self._probe_wait_s = FIRST_PROBE_S
        self._refused_at = number
        self.stood = self.stands
        if self._step > 1 and number <= self._best:  # it did not return to what it was
            self._best = number - 1
        self._cut(max(1, number - 1))
        self._sends = 0
        self._probe_at = now + self._probe_wait_s
        fallen = self.cap < FALLEN * self._best
        self._probe_latest_at = now + (EAGER_LATEST_S if fallen else PROBE_LATEST_S)
        if self.stood:
            self._best = max(self._best, number - 1)

    def refine(self, number: float) -> None:
        """An earlier send of the same overshoot was refused too: the cut was not deep enough."""
        if number - 1 < self.cap < inf:
            self._cut(max(1.0, number - 1))

    def probe_lost(self, now: float) -> None:
        """The probe ended without saying anything."""
        self._probing = False
        self._probe_at = self._probe_latest_at = now + self._probe_wait_s

    def forget_cap(self, now: float) -> None:
        """It was not the number in flight after all: go on from what held."""
        if self._accepted >= GENERATION:
            self.held, self._holding, self._accepted = self._holding, 0, 0
        self.cap = inf
        self.failed_probes = 0
        self._refused_at = -inf
        self._probing = False
        self.stood = False
        self._step = 1
        self._size = max(RESTART, self.held + 1.0)
        self._grown_at = now

    def restart(self, in_flight: int, now: float, *, paced: bool) -> None:
        """What held before no longer counts: ramp from what is in flight, or at the pace."""
        before, self.held = self.held, in_flight
        self.forget_cap(now)
        if paced:
            self._size = max(self._size, before)

    @property
    def _top(self) -> float:
        return max(START, HEADROOM * self.held + 2)

    @property
    def _due(self) -> bool:
        enough = min(PROBE_EVERY, PROBE_EVERY_SLOTS * self.cap)
        return self._sends >= enough or self.failed_probes < FREE_PROBES

    def _cut(self, cap: float) -> None:
        self.cap = cap
        self._step = 1
        self._probing = False

    def _grow(self, now: float) -> None:
        doublings = min(30.0, (now - self._grown_at) / DOUBLING_S)
        grown = min(self._size * 2**doublings, self._size + FASTEST * (now - self._grown_at))
        self._size = max(self._size, min(self._top, grown))
        self._grown_at = now

    def _may_probe(self, now: float) -> bool:
        return self._probing or now >= self._probe_from

    @property
    def _probe_from(self) -> float:
        """Midway between two sends: at one with the last, a small bucket would refuse it."""
        apart = min(APART_S, 0.5 / max(self.flow, 1.0)) if self._step == 1 else 0.0
        due = self._probe_at if self._due else self._probe_latest_at
        return max(due, self._sent_at + apart)
