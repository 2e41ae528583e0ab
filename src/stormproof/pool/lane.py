"""One endpoint at work: its controller, the limits it shares, its counts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from math import inf

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Controller, Sent
from stormproof.control.fixed import Fixed
from stormproof.control.pace import Ceiling
from stormproof.control.shared import Level, Member
from stormproof.domain.pool import Endpoint, Limits, RateMode
from stormproof.pool.queue import Waiting, WaitingLine
from stormproof.pool.records import EndpointState

FIRST_P99_S = 60.0  # until so many answers as here say more
FEW = 20
BUSY = 32  # jobs of a model between two requests, before no more are begun; or half its slots
RECKONED_S = 0.05  # for how long a count of slots is good enough to judge that by
MOST_SLOTS = 1000  # of an endpoint without a known limit, in what a model can take at once
STEP = 0.0005  # by which one answer below it moves the 99th percentile


class Group:
    """A limit that several lanes share, and the models that meet there."""

    def __init__(self, name: str, ceiling: Ceiling) -> None:
        self.name = name
        self.ceiling = ceiling
        self.models: list[ModelQueue] = []


class Lane:
    """An endpoint with its controller. A permit is taken at every level, or at none."""

    def __init__(
        self,
        endpoint: Endpoint,
        rate_mode: RateMode,
        groups: Iterable[Group],
        level: Level | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.controller = _controller(endpoint.limits, rate_mode, level)
        self.level = level  # which may turn out to have a limit that nobody declared
        self.groups = tuple(groups)
        self.line = WaitingLine()  # with even sharding: its own share's requests
        self.place = 0  # among all lanes
        self.starting = 0  # jobs begun for it that have not asked yet
        self.dry = False  # the supply gave nothing when it was last asked
        self.starts_at = -inf
        self.wakes_at = inf
        self.closed = ""  # why its gate was shut when last looked at
        self.stopped = ""
        self.quota = False  # stopped for an exhausted quota rather than for credentials
        self.silent = False  # stopped because it did not answer
        self.latency_p99_s = FIRST_P99_S
        self.longest_s = 0.0
        self.trouble = ""  # what the last send ended in, where that was no answer
        self.troubled_at = 0.0  # wall clock, when the first such send after an answer ended
        self.troubled_since = inf  # the same on the loop's clock
        self.accepted = self.refused = self.errors = self.hedges = 0

    def ready_at(self, now: float) -> float:
        """The earliest instant for a send, over all levels; inf when an answer must come."""
        if self.stopped:
            return inf
        ready = max(self.starts_at, self.controller.ready_at(now))
        for group in self.groups:
            ready = max(ready, group.ceiling.ready_at())
        return ready

    def take(self, now: float, tokens: float) -> Sent:
        """Take a permit at every level."""
        for group in self.groups:
            group.ceiling.take(now, tokens)
        return self.controller.sent(now, tokens)

    def give_back(self, now: float, missed_tokens: float) -> None:
        """Give the shared levels their permits back; the controller hears of it by the fate."""
        for group in self.groups:
            group.ceiling.give_back()
            group.ceiling.correct(now, missed_tokens)

    def took(self, seconds: float) -> None:
        """An answer; the 99th percentile moves up 99 times as far as down."""
        self.accepted += 1
        self.trouble = ""
        self.longest_s = max(self.longest_s, seconds)
        if self.accepted == FEW:  # twice, for so few have not shown the tail
            self.latency_p99_s = min(self.latency_p99_s, 2 * self.longest_s)
        step = self._step
        self.latency_p99_s *= 1 + (99 * step if seconds > self.latency_p99_s else -step)

    @property
    def _step(self) -> float:
        return max(STEP, min(0.01, 0.1 / max(1, self.accepted)))

    def lost_race(self, seconds: float) -> None:
        """Cancelled because another copy answered first; it would have taken longer than so."""
        self.hedges += 1
        if seconds > self.latency_p99_s:
            self.latency_p99_s = min(seconds, self.latency_p99_s * (1 + 99 * self._step))

    def in_trouble(self, reason: str, now: float) -> None:
        """A send that ended in a refusal or an error."""
        if not self.trouble:
            self.troubled_at = time.time()
            self.troubled_since = now
        self.trouble = reason

    def state(self) -> EndpointState:
        """See `EndpointState`."""
        view = self.controller.view()
        return EndpointState(
            endpoint_id=self.endpoint.endpoint_id,
            model=self.endpoint.model,
            in_flight=self.controller.in_flight,
            window=view.window,
            pace_rps=view.pace_rps,
            accepted=self.accepted,
            refused=self.refused,
            errors=self.errors,
            state=f"stopped: {self.stopped}" if self.stopped else view.state,
            decision=view.decision,
            hedges=self.hedges,
            trouble=self.trouble,
            troubled_at=self.troubled_at,
        )


def _controller(limits: Limits, rate_mode: RateMode, level: Level | None) -> Controller:
    if rate_mode == "fixed":
        return Fixed(limits)
    return Adaptive(limits) if level is None else Member(Adaptive(limits), level)


class ModelQueue:
    """One model: its lanes, what waits for any of them, and its share of shared limits."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lanes: list[Lane] = []
        self.line = WaitingLine()
        self.copies: dict[Waiting, None] = {}  # of stragglers; they take room that nobody wants
        self.running = 0
        self.busy = 0  # of those running, at work between two requests: tools, the journal
        self.passed = 0.0  # stride: what it has got of shared limits, over its remaining work
        self.claimed_at = -inf  # when a job was last begun for a shared permit
        self.served_at = 0.0  # last acceptance
        self.sent_at = 0.0
        self._reckoned_until = -inf
        self._slots = 0.0  # as last reckoned

    def is_crowded(self, now: float) -> bool:
        """Whether it is us who are slow here: more jobs would only wait with those at work."""
        if self.busy < BUSY:
            return False
        if now >= self._reckoned_until:
            self._reckoned_until = now + RECKONED_S
            self._slots = self.slots
        return self.busy >= self._slots / 2

    @property
    def hungry(self) -> bool:
        """Whether something waits, or could be begun."""
        return self.wants or not all(x.dry for x in self.lanes)

    @property
    def wants(self) -> bool:
        """Whether a request waits, or is about to come."""
        return bool(self.line) or any(x.line or x.starting for x in self.lanes)

    @property
    def live(self) -> list[Lane]:
        """Lanes that have not stopped."""
        return [lane for lane in self.lanes if not lane.stopped]

    @property
    def dry(self) -> bool:
        """Whether the supply had nothing for any living lane when it was last asked."""
        return all(lane.dry or lane.stopped for lane in self.lanes)

    def set_dry(self, *, dry: bool) -> None:
        """Note for all lanes what the supply said, or that it is to be asked again."""
        for lane in self.lanes:
            lane.dry = dry

    @property
    def slots(self) -> float:
        """How many requests its endpoints are known to take at once."""
        return sum(min(MOST_SLOTS, lane.controller.view().window) for lane in self.live)

    @property
    def in_flight(self) -> int:
        """Sends of all its lanes that have not ended."""
        return sum(lane.controller.in_flight for lane in self.lanes)

    def waiting(self) -> int:
        """Requests queued for any or for one of its lanes."""
        return len(self.line) + sum(len(lane.line) for lane in self.lanes)
