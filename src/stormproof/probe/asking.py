"""Asking: a word, two tool calls, and how a conversation goes on behind them.

Whatever a service refuses is mended in memory and asked again, so that one run of the probe finds
all there is to mend.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from time import monotonic

import anyio
import msgspec

from stormproof.domain.calls import (
    Denied,
    Ok,
    Refused,
    Rejected,
    Reply,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint
from stormproof.probe.endpoint_findings import MOST_CALLS, Findings, Mend, reply_tokens
from stormproof.probe.questions import hello, with_results, with_tools
from stormproof.probe.refusal_causes import TOKEN_LIMITS, guesses, mend_for, mended
from stormproof.wire import Transport

TIMEOUT_S = 120.0  # models that think take their time
AT_ONCE = 8  # endpoints; their limits may be shared
PAUSE_S = 2.0  # before another try, where the service does not say how long
LONGEST_PAUSE_S = 20.0

_STATUS = re.compile(r"HTTP (\d{3})\b")
_CARRIED = re.compile(r"reasoning|thought|thinking", re.IGNORECASE)
_WRONG_PATH = re.compile(r"HTTP 40[45]\b(?!.*model)|, not JSON", re.IGNORECASE)
_HAS_VERSION = re.compile(r"/v\d|/openai\b|/models\b")


async def probe_pool(
    endpoints: Sequence[Endpoint],
    transport: Transport,
    *,
    on_findings: Callable[[Findings], object] = lambda _: None,
) -> list[Findings]:
    """Probe endpoints that have real addresses, several at once; in their order.

    At most `MOST_CALLS` calls to each. `on_findings` is called as each is done.
    """
    places = anyio.CapacityLimiter(AT_ONCE)
    found: dict[int, Findings] = {}

    async def one(endpoint: Endpoint) -> None:
        async with places:
            found[endpoint.number] = await _Probe(endpoint, transport).run()
            on_findings(found[endpoint.number])

    async with anyio.create_task_group() as tasks:
        for endpoint in endpoints:
            tasks.start_soon(one, endpoint)
    return [found[endpoint.number] for endpoint in endpoints]


class _Probe:
    """One endpoint being asked."""

    def __init__(self, endpoint: Endpoint, transport: Transport) -> None:
        self._transport = transport
        # As the pool file has it.
        self._declared = endpoint
        # As it is asked now: with a limit of tokens, and with what was mended.
        self._endpoint = _limited(endpoint)
        # Whether the pool file names a limit of tokens; where not, no run sends one.
        self._limit_is_ours = endpoint.parameters != self._endpoint.parameters
        self.findings = Findings(
            endpoint_id=endpoint.endpoint_id,
            model=endpoint.model,
            provider=endpoint.provider,
            deployment=endpoint.deployment,
        )

    async def run(self) -> Findings:
        """Ask until everything is known, or nothing more can be."""
        reply = await self._hello()
        if reply is None:
            return self.findings
        self._learn(reply)
        if (reply := await self._tools()) and reply.tool_calls:
            await self._results(reply)
        return self.findings

    # --- the questions ---------------------------------------------------------------------

    async def _hello(self) -> Reply | None:
        """Ask as a run would; mend what is refused, as long as anything is named or left."""
        verdict = await self._ask(hello(self._endpoint.model))
        while isinstance(verdict, Rejected | Denied | Transient) and self._calls_left:
            mend = self._address_mend(verdict.reason) or mend_for(self._endpoint, verdict.reason)
            if mend is None:
                verdict = await self._guess(verdict)
                break
            self._take(mend)
            verdict = await self._ask(hello(self._endpoint.model))
        return self._answer(verdict)

    async def _guess(self, refusal: Rejected | Denied | Transient) -> Verdict:
        """Leave one thing out after the other; what helps is to blame."""
        if not isinstance(refusal, Rejected):
            return refusal
        as_it_was = self._endpoint
        for mend in guesses(as_it_was, refusal.reason):
            if not self._calls_left:
                break
            self._endpoint = mended(as_it_was, mend)
            verdict = await self._ask(hello(as_it_was.model))
            if isinstance(verdict, Ok):
                self._take(mend)
                return verdict
        self._endpoint = as_it_was
        return refusal

    async def _tools(self) -> Reply | None:
        if not self._calls_left:
            return None
        verdict = await self._ask(with_tools(self._endpoint.model))
        if isinstance(verdict, Ok):
            calls = len(verdict.reply.tool_calls)
            self.findings.native_tools = "used" if calls else "taken, not used"
            self.findings.parallel_calls = calls
            return verdict.reply
        if isinstance(verdict, Rejected | Denied):
            self.findings.native_tools = "refused"
        self.findings.notes.append(f"asked for tool calls: {verdict.reason}")
        return None

    async def _results(self, reply: Reply) -> None:
        """Whether it goes on behind tool calls that come back without what came with them."""
        if not self._calls_left:
            return
        verdict = await self._ask(with_results(self._endpoint.model, reply))
        if isinstance(verdict, Ok):
            seen = reply.reasoning or reply.carried or any(c.carried for c in reply.tool_calls)
            self.findings.reasoning = "seen, may stay away" if seen else "none seen"
        elif isinstance(verdict, Rejected) and _CARRIED.search(verdict.reason):
            self.findings.reasoning = "must come back"
        else:
            self.findings.notes.append(f"told what its tool calls gave: {verdict.reason}")

    # --- one call --------------------------------------------------------------------------

    @property
    def _calls_left(self) -> int:
        return MOST_CALLS - self.findings.calls

    async def _ask(self, request: Request) -> Verdict:
        """Ask; once more after a pause, where the service only is busy or stumbled."""
        verdict = await self._send(request)
        if isinstance(verdict, Refused | Transient) and self._may_pass(verdict):
            await anyio.sleep(min(verdict.retry_after_s or PAUSE_S, LONGEST_PAUSE_S))
            verdict = await self._send(request)
        return verdict

    def _may_pass(self, verdict: Refused | Transient) -> bool:
        if isinstance(verdict, Refused):
            return not verdict.exhausted and self._calls_left > 0
        return self._calls_left > 0 and not _WRONG_PATH.search(verdict.reason)

    async def _send(self, request: Request) -> Verdict:
        self.findings.calls += 1
        start = monotonic()
        verdict = await self._transport.send(
            self._endpoint, request, timeout_s=TIMEOUT_S, attempt=self.findings.calls
        )
        if isinstance(verdict, Ok) and self.findings.latency_ms is None:
            self.findings.latency_ms = round((monotonic() - start) * 1000, 1)
        self._learn_of(verdict)
        return verdict

    # --- what is learnt --------------------------------------------------------------------

    def _learn_of(self, verdict: Verdict) -> None:
        """What every answer tells: that somebody is there, whether the key is known, limits."""
        findings = self.findings
        if isinstance(verdict, Ok | Refused):
            findings.limits = verdict.rates or findings.limits
        if isinstance(verdict, Ok):
            findings.reachable, findings.credentials = True, "accepted"
            return
        status = int(found[1]) if (found := _STATUS.search(verdict.reason)) else 0
        findings.reachable = bool(status) or findings.reachable or False
        if status in {401, 403}:
            findings.credentials = "refused"

    def _learn(self, reply: Reply) -> None:
        findings, endpoint = self.findings, self._endpoint
        findings.served_model = reply.served_model
        findings.usage_counted = reply.usage.completion_tokens > 0
        if self._declared.parameters.get("seed") != "":
            findings.seed = "refused" if endpoint.parameters.get("seed") == "" else "taken"
        if self._declared.system_role == "system":
            findings.system_role = "taken" if endpoint.system_role == "system" else "refused"
        findings.token_limit = next(n for n in TOKEN_LIMITS if endpoint.parameters.get(n))
        if not reply.text.strip() and not reply.tool_calls:
            findings.notes.append(f"its answer was empty ({reply.finish_reason or 'no reason'})")

    def _answer(self, verdict: Verdict) -> Reply | None:
        if isinstance(verdict, Ok):
            return verdict.reply
        self.findings.trouble = verdict.reason
        self.findings.mends.clear()  # none of them was enough
        return None

    def _address_mend(self, reason: str) -> Mend | None:
        """`/v1` behind an address without a version, where nothing that we can use is."""
        address = self._endpoint.base_url.partition("?")[0].rstrip("/")
        if self._endpoint.dialect == "azure" or _HAS_VERSION.search(address):
            return None
        rest = self._endpoint.base_url.partition("?")[1:]
        return (
            Mend(("base_url",), f"{address}/v1{''.join(rest)}", reason)
            if _WRONG_PATH.search(reason)
            else None
        )

    def _take(self, mend: Mend) -> None:
        """Ask with it from now on; and say so, unless it is about what only the probe sends."""
        self._endpoint = mended(self._endpoint, mend)
        if not (self._limit_is_ours and mend.place[0] in TOKEN_LIMITS):
            self.findings.mends.append(mend)


def _limited(endpoint: Endpoint) -> Endpoint:
    if any(isinstance(endpoint.parameters.get(name), int) for name in TOKEN_LIMITS):
        return endpoint
    limit = {"max_tokens": reply_tokens(endpoint)}
    left = {k: v for k, v in endpoint.parameters.items() if k not in TOKEN_LIMITS}
    return msgspec.structs.replace(endpoint, parameters=left | limit)
