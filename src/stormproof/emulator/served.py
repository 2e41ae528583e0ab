"""One endpoint as the emulator plays it: what it admits, how long it takes, what goes wrong."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any

from msgspec import Struct, field

from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import seed_of
from stormproof.emulator.limits import Bucket, Cap, Cause, Gate, Window, gates_of
from stormproof.emulator.options import Behaviour, EmulatorOptions, Fault


class Refusal(Struct, frozen=True):
    """Which limit was hit, and the seconds until it would pass (`inf`: not known)."""

    cause: Cause
    wait_s: float


class Tally(Struct):
    """What an endpoint has seen. `busy_s` sums the time that answered requests were served."""

    accepted: int = 0
    answered: int = 0
    abandoned: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0
    waiting: int = 0
    peak_waiting: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    busy_s: float = 0.0
    first_at_s: float = math.inf
    last_at_s: float = 0.0


class Served:
    """An endpoint's state. All instants are seconds since the emulator's first chat request."""

    def __init__(
        self, endpoint: Endpoint, options: EmulatorOptions, shared: Sequence[Gate]
    ) -> None:
        self.endpoint = endpoint
        self.options = options
        self.tally = Tally()
        self._rng = random.Random(seed_of("emulator", options.seed, endpoint.endpoint_id))  # noqa: S311  latencies, not secrets
        self._shared = shared
        self._waiting: deque[Callable[[], None]] = deque()
        self.behave(options.behaviour(endpoint.endpoint_id, endpoint.limits))

    def behave(self, behaviour: Behaviour) -> None:
        """Begin, or begin anew, to behave so; those in flight keep their slots."""
        self.behaviour = behaviour
        self.own = gates_of(
            behaviour.limits, burst_s=behaviour.burst_s, window_s=behaviour.window_s
        )
        self._queue_cap = math.inf
        if behaviour.kind == "queue" and behaviour.limits.max_workers is not None:
            self._queue_cap = behaviour.limits.max_workers
            self.own = [gate for gate in self.own if gate.cause != "cap"]
        for gate in self.own:
            if isinstance(gate, Cap):
                gate.in_flight = self.tally.in_flight
        self._gates = [*self.own, *self._shared]
        self._needs_tokens = any(gate.cause == "tokens" for gate in self._gates)
        self._changes = deque(sorted(behaviour.changes, key=lambda change: change.at_s))

    @property
    def needs_tokens(self) -> bool:
        """Whether a limit counts tokens, so that an answer's length decides on admission."""
        return self._needs_tokens

    def outage(self, t: float) -> Fault | None:
        """What every request meets at `t`, if the endpoint is out."""
        return next((o.kind for o in self.behaviour.outages if o.from_s <= t < o.to_s), None)

    def refusal(self, t: float, tokens: int) -> Refusal | None:
        """Which limit forbids one more request of so many tokens; None where none does."""
        while self._changes and self._changes[0].at_s <= t:
            change = self._changes.popleft()
            for gate in self.own:
                gate.scale(t, change.factor)
        worst: Refusal | None = None
        for gate in self._gates:
            wait = gate.wait(t, tokens if gate.cause == "tokens" else 1)
            if wait > 0 and (worst is None or wait > worst.wait_s):
                worst = Refusal(gate.cause, wait)
        return worst

    def admit(self, t: float, tokens: int) -> None:
        """Charge every limit; the request holds a slot until `leave`."""
        for gate in self._gates:
            gate.take(t, tokens if gate.cause == "tokens" else 1)
        tally = self.tally
        tally.accepted += 1
        tally.in_flight += 1
        tally.peak_in_flight = max(tally.peak_in_flight, tally.in_flight)
        tally.last_at_s = t

    def leave(self) -> None:
        """The request has gone; the longest waiting one, if any, has its turn."""
        for gate in self._gates:
            gate.release()
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

    def rate_headers(self, t: float) -> dict[str, str] | None:
        """`x-ratelimit-*`, where it has rate limits and tells them."""
        if not self.behaviour.rate_headers:
            return None
        headers: dict[str, str] = {}
        for gate in self._gates:
            if isinstance(gate, Bucket | Window):
                what = "tokens" if gate.cause == "tokens" else "requests"
                limit, remaining = gate.per_minute(t)
                headers[f"x-ratelimit-limit-{what}"] = str(int(limit))
                headers[f"x-ratelimit-remaining-{what}"] = str(int(remaining))
        return headers

    def refusal_headers(self, t: float, refusal: Refusal) -> dict[str, str]:
        """What a 429 says of when to come back, as configured: right, otherwise, or nothing."""
        headers = self.rate_headers(t) or {}
        how, wait = self.behaviour.retry_after, refusal.wait_s
        if how == "absent" or (how in {"right", "date"} and math.isinf(wait)):
            return headers
        if how == "right":
            headers["retry-after"] = str(math.ceil(wait))
            headers["retry-after-ms"] = str(math.ceil(wait * 1000))
        elif how == "date":
            headers["retry-after"] = formatdate(time.time() + math.ceil(wait), usegmt=True)
        else:
            headers["retry-after"] = how
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
            gate.offered(live_s, max(tokens, 1) if gate.cause == "tokens" else 1, mean_s)
            for gate in self.own
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
