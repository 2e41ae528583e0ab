"""A transport whose endpoints exist nowhere: with limits, latencies and faults, on any clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from random import Random

import anyio
from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Reply,
    Request,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.pool import Endpoint, Limits
from stormproof.emulator.limits import EnforcedLimit, enforced_limits
from stormproof.errors import (
    AuthFailed,
    CallError,
    ContextOverflow,
    PromptBlocked,
    RateLimited,
    RequestRejected,
)
from stormproof.pool import Ask
from stormproof.testing.models import ScriptedModel

Fault = Callable[[Endpoint, Request], Awaitable[Verdict | None]]

SPREAD = 0.5  # sigma of the lognormal latency: the 95th percentile is 2.3 times the median
BURST_S = 1.0  # of a rate limit's flow may be used at once
PROMPT_TOKENS = 100  # that a request counts for under a limit of tokens


class Send(Struct, frozen=True):
    """One send as it came in: `at` on the loop's clock, in seconds."""

    at: float
    endpoint_id: str
    trial_id: str
    turn: int
    attempt: int


_Kind = type[Refused | Rejected | Overlong | Blocked | Denied]
_VERDICTS: tuple[tuple[type[CallError], _Kind], ...] = (
    (RateLimited, Refused),
    (RequestRejected, Rejected),
    (ContextOverflow, Overlong),
    (PromptBlocked, Blocked),
    (AuthFailed, Denied),
)


class SimulatedTransport:
    """Endpoints that ask `model` what to say, and answer after a lognormal time around `median_s`.

    `limits` are what every endpoint really grants, or those of each by its id; beyond them it
    refuses with a time to wait. `fault` is asked first, and may sleep; where it gives a verdict,
    that is the answer. A `CallError` of the model becomes the verdict that it stands for. Every
    reply is marked as simulated. `seed` makes latencies repeat. On trio's mock clock hours take
    milliseconds.
    """

    def __init__(
        self,
        model: Ask | None = None,
        *,
        median_s: float = 1.0,
        limits: Limits | Mapping[str, Limits] = Limits(),  # noqa: B008  frozen
        fault: Fault | None = None,
        seed: int = 1,
    ) -> None:
        self._model = model or ScriptedModel([Reply("hello", usage=Usage(PROMPT_TOKENS, 50))])
        self._median_s = median_s
        self._limits = limits
        self._fault = fault
        self._random = Random(seed)  # noqa: S311  latencies, not secrets
        # Endpoint id → its limits at work, made when it is first asked.
        self._gates: dict[str, list[EnforcedLimit]] = {}
        # Every send, refused ones too, oldest first.
        self.sends: list[Send] = []
        # Endpoint id → sends that have not ended, and the most there ever were.
        self.in_flight = Counter[str]()
        self.peak = Counter[str]()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """Answer, refuse or fail, as the endpoint would; see `stormproof.wire.Transport`."""
        name = endpoint.endpoint_id
        sent = Send(anyio.current_time(), name, request.trial_id, request.turn, attempt)
        self.sends.append(sent)
        self.in_flight[name] += 1
        self.peak[name] = max(self.peak[name], self.in_flight[name])
        try:
            fault = await self._fault(endpoint, request) if self._fault else None
            return fault or await self._limited(name, request, timeout_s)
        finally:
            self.in_flight[name] -= 1

    async def _limited(self, name: str, request: Request, timeout_s: float) -> Verdict:
        gates, now = self._gates_of(name), anyio.current_time()
        waits = [(gate.wait(now, _amount(gate)), gate) for gate in gates]
        if waits and (longest := max(waits, key=lambda pair: pair[0]))[0] > 0:
            wait_s, gate = longest
            known = None if math.isinf(wait_s) else wait_s
            return Refused(f"429: over the limit ({gate.cause})", known)
        for gate in gates:
            gate.take(now, _amount(gate))
        try:
            return await self._answer(request, timeout_s)
        finally:
            for gate in gates:
                gate.release()

    async def _answer(self, request: Request, timeout_s: float) -> Verdict:
        latency_s = self._median_s * self._random.lognormvariate(0, SPREAD)
        await anyio.sleep(min(timeout_s, latency_s))
        if latency_s > timeout_s:
            return Transient(f"no answer within {timeout_s:g} s")
        try:
            answer = await self._model(request)
        except CallError as error:
            return _verdict(error)
        return Ok(replace(answer.reply, simulated=True))

    def _gates_of(self, name: str) -> list[EnforcedLimit]:
        if name not in self._gates:
            limits = self._limits
            own = limits if isinstance(limits, Limits) else limits.get(name, Limits())
            self._gates[name] = enforced_limits(own, burst_s=BURST_S, window_s=0.0)
        return self._gates[name]


def _amount(limit: EnforcedLimit) -> float:
    return PROMPT_TOKENS if limit.cause == "tokens" else 1.0


def _verdict(error: CallError) -> Verdict:
    kind = next((verdict for raised, verdict in _VERDICTS if isinstance(error, raised)), Transient)
    return kind(error.message)
