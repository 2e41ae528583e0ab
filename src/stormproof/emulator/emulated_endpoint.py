"""One endpoint as the emulator plays it: what it admits, how long it takes, what goes wrong."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, field

from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import seed_of
from stormproof.emulator.behaviour import Behaviour, EmulatorOptions, Fault
from stormproof.emulator.limits import (
    Cause,
    EnforcedLimit,
    FixedWindow,
    SlotCap,
    TokenBucket,
    enforced_limits,
)


class Refusal(Struct, frozen=True):
    """Which limit was hit, and the seconds until it would pass (`inf`: not known)."""

    cause: Cause
    wait_s: float


class Tally(Struct):
    """What an endpoint has seen: counts that only grow, but for `in_flight`.

    Each accepted request is in flight, or was answered, ended by a fault, or abandoned by its
    client. One that hangs is counted as a fault at once and as abandoned when its client leaves.
    """

    accepted: int = 0
    answered: int = 0
    abandoned: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by limit, or by what ended for good
    faults: Counter[str] = field(default_factory=Counter)  # by kind; an outage's are not accepted
    in_flight: int = 0  # admitted and not yet left, those that wait included
    peak_in_flight: int = 0
    peak_waiting: int = 0
    prompt_tokens: int = 0  # of answered requests, as are the next two
    completion_tokens: int = 0
    busy_s: float = 0.0  # from a request's turn to its answer, summed
    first_at_s: float = math.inf  # of any request with a valid key; `inf` before it
    last_at_s: float = 0.0  # of the last that was accepted


class EmulatedEndpoint:
    """An endpoint's state. All instants are seconds since the emulator's first chat request."""

    def __init__(
        self, endpoint: Endpoint, options: EmulatorOptions, shared: Sequence[EnforcedLimit]
    ) -> None:
        self.endpoint = endpoint
        self.options = options
        # `admit` and `leave` move `in_flight` here and in every limit, always together.
        self.tally = Tally()
        # Drawn from once for each fault that may come and once for each latency, in that order.
        self._rng = random.Random(seed_of("emulator", options.seed, endpoint.endpoint_id))  # noqa: S311  latencies, not secrets
        # Limits of groups that other endpoints belong to as well.
        self._shared = shared
        # Who has been admitted and waits for a turn, the longest first; a subset of those in
        # flight, empty unless the endpoint queues.
        self._waiting: deque[Callable[[], None]] = deque()
        self.behave(options.behaviour(endpoint.endpoint_id, endpoint.limits))

    def behave(self, behaviour: Behaviour) -> None:
        """Begin, or begin anew, to behave so; those in flight keep their slots."""
        self.behaviour = behaviour
        # Limits of this endpoint alone; a cap is not among them where it makes requests wait.
        self._own = enforced_limits(
            behaviour.limits, burst_s=behaviour.burst_s, window_s=behaviour.window_s
        )
        # How many are served at once where requests queue; `inf` where they do not.
        self._queue_cap = math.inf
        if behaviour.kind == "queue" and behaviour.limits.max_workers is not None:
            self._queue_cap = behaviour.limits.max_workers
            self._own = [limit for limit in self._own if limit.cause != "cap"]
        for limit in self._own:
            if isinstance(limit, SlotCap):
                limit.in_flight = self.tally.in_flight
        # All that must let a request pass: its own limits and the shared ones.
        self._limits = [*self._own, *self._shared]
        # Whether a limit counts tokens, so that an answer's length decides on admission.
        self.needs_tokens = any(limit.cause == "tokens" for limit in self._limits)
        # Changes whose time has not come, in order of time.
        self._changes = deque(sorted(behaviour.changes, key=lambda change: change.at_s))

    def outage(self, t: float) -> Fault | None:
        """What every request meets at `t`, if the endpoint is out."""
        return next((o.kind for o in self.behaviour.outages if o.from_s <= t < o.to_s), None)

    def refusal(self, t: float, tokens: int) -> Refusal | None:
        """Which limit forbids one more request of so many tokens; None where none does."""
        while self._changes and self._changes[0].at_s <= t:
            change = self._changes.popleft()
            for limit in self._own:
                limit.scale(t, change.factor)
        worst: Refusal | None = None
        for limit in self._limits:
            wait = limit.wait(t, tokens if limit.cause == "tokens" else 1)
            if wait > 0 and (worst is None or wait > worst.wait_s):
                worst = Refusal(limit.cause, wait)
        return worst

    def admit(self, t: float, tokens: int) -> None:
        """Charge every limit; the request holds a slot until `leave`."""
        for limit in self._limits:
            limit.take(t, tokens if limit.cause == "tokens" else 1)
        tally = self.tally
        tally.accepted += 1
        tally.in_flight += 1
        tally.peak_in_flight = max(tally.peak_in_flight, tally.in_flight)
        tally.last_at_s = t

    def leave(self) -> None:
        """The request has gone; the longest waiting one, if any, has its turn."""
        for limit in self._limits:
            limit.release()
        tally = self.tally
        tally.in_flight -= 1
        if self._waiting and tally.in_flight - len(self._waiting) < self._queue_cap:
            self._waiting.popleft()()

    def enter(self, start: Callable[[], None]) -> None:
        """Start now, or, where requests queue, when the server has room."""
        if self.tally.in_flight - len(self._waiting) > self._queue_cap:
            self._waiting.append(start)
            self.tally.peak_waiting = max(self.tally.peak_waiting, len(self._waiting))
        else:
            start()

    def forget(self, start: Callable[[], None]) -> None:
        """Take a request out of the queue, if it waits there."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(start)

    def fault(self) -> Fault | None:
        """What goes wrong with this request, drawn anew for each that is admitted."""
        faults = self.behaviour.faults
        if not faults:
            return None
        u = self._rng.random()
        for kind, share in faults.items():
            u -= share
            if u < 0:
                return kind
        return None

    def latency_s(self, tokens: int) -> float:
        """Lognormal about a median that grows with the output, in the emulator's own time."""
        latency = self.behaviour.latency
        median = latency.first_token_s + tokens * latency.token_s
        return median * self._rng.lognormvariate(0, latency.sigma) * self.options.time_scale

    def refusal_s(self) -> float:
        """How long a service takes to say no."""
        return self.behaviour.latency.refusal_s * self.options.time_scale

    def rate_headers(self, t: float) -> dict[str, str]:
        """`x-ratelimit-*`, where it has rate limits and says so."""
        if not self.behaviour.rate_headers:
            return {}
        headers: dict[str, str] = {}
        for limit in self._limits:
            if isinstance(limit, TokenBucket | FixedWindow):
                unit = "tokens" if limit.cause == "tokens" else "requests"
                per_minute, remaining = limit.per_minute(t)
                headers[f"x-ratelimit-limit-{unit}"] = str(int(per_minute))
                headers[f"x-ratelimit-remaining-{unit}"] = str(int(remaining))
        return headers

    def snapshot(self, t: float) -> dict[str, Any]:
        """The tally, and how many requests its own limits would have admitted so far."""
        tally = self.tally
        seen = {name: getattr(tally, name) for name in Tally.__struct_fields__}
        seen["waiting"] = len(self._waiting)
        began = tally.first_at_s < math.inf
        seen["first_at_s"] = tally.first_at_s if began else None
        seen["would_have_admitted"] = self.would_have_admitted(t) if began else 0
        return seen

    def would_have_admitted(self, t: float) -> float | None:
        """What its own limits allow from its first request to `t`; None where nothing limits it."""
        tally = self.tally
        live_s = live_seconds(self.behaviour, tally.first_at_s, t)
        mean_s = tally.busy_s / tally.answered if tally.answered else 0.0
        tokens = (tally.prompt_tokens + tally.completion_tokens) / max(1, tally.answered)
        offers = [
            limit.offered(live_s, max(tokens, 1) if limit.cause == "tokens" else 1, mean_s)
            for limit in self._own
        ]
        least = min(offers, default=math.inf)
        return None if math.isinf(least) else least


def live_seconds(behaviour: Behaviour, start: float, end: float) -> float:
    """Seconds of full limit between two instants: reduced limits count less, outages nothing."""
    end = min(end, behaviour.revoked_at_s, behaviour.gone_at_s, behaviour.exhausted_at_s)
    outages = behaviour.outages
    cuts = {start, end, *(c.at_s for c in behaviour.changes)}
    cuts |= {o.from_s for o in outages} | {o.to_s for o in outages}
    edges = sorted(cut for cut in cuts if start <= cut <= end)
    changes = sorted(behaviour.changes, key=lambda change: change.at_s)
    total = 0.0
    for left, right in itertools.pairwise(edges):
        if not any(o.from_s <= left < o.to_s for o in outages):
            factor = next((c.factor for c in reversed(changes) if c.at_s <= left), 1.0)
            total += (right - left) * factor
    return total
