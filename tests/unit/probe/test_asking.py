"""How a probe goes on when services are busy, broken or odd: without a network, on a mock clock."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import msgspec
import pytest
from trio.testing import MockClock

from stormproof.domain.calls import (
    Denied,
    Ok,
    RateHeaders,
    Refused,
    Rejected,
    Reply,
    Request,
    ToolCall,
    Transient,
    Usage,
    Verdict,
)  # fmt: skip
from stormproof.domain.pool import Endpoint
from stormproof.probe import MOST_CALLS, Findings, cost_of, probe_pool
from stormproof.testing.records import an_endpoint

HELLO = Ok(Reply("Aye.", usage=Usage(9, 3), served_model="served"), RateHeaders(limit_rpm=60))
CALL = ToolCall("c", "get_temperature", "{}")
CALLS = Ok(Reply("", (CALL,), reasoning="hm", usage=Usage(9, 3)))


class Scripted:
    """Gives its verdicts in turn, the last one for ever; keeps what it was asked."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self._left = list(verdicts)
        self.asked: list[tuple[Endpoint, Request]] = []

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        assert timeout_s > 0
        assert attempt == len(self.asked) + 1
        self.asked.append((endpoint, request))
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def probe(*verdicts: Verdict, endpoint: Endpoint | None = None) -> tuple[Findings, Scripted]:
    transport = Scripted(verdicts)

    async def ask() -> list[Findings]:
        return await probe_pool([endpoint or an_endpoint()], transport)

    clock = MockClock(autojump_threshold=0)
    (found,) = anyio.run(ask, backend="trio", backend_options={"clock": clock})
    assert found.calls == len(transport.asked) <= MOST_CALLS
    return found, transport


def test_the_good_case_takes_three_calls() -> None:
    found, transport = probe(HELLO, CALLS, HELLO)
    assert (found.calls, found.usable, found.trouble, found.mends) == (3, True, "", [])
    assert (found.native_tools, found.parallel_calls) == ("used", 1)
    assert (found.served_model, found.usage_counted) == ("served", True)
    assert found.reasoning == "seen, may stay away"
    assert found.limits == RateHeaders(limit_rpm=60)
    endpoint, _ = transport.asked[0]
    assert endpoint.parameters["max_tokens"] == 512
    last = transport.asked[2][1].messages
    assert [m.role for m in last] == ["system", "user", "assistant", "tool"]


def test_a_busy_service_is_asked_once_more_when_it_says() -> None:
    found, _ = probe(Refused("HTTP 429", 5.0), HELLO, CALLS, HELLO)
    assert (found.calls, found.usable) == (4, True)
    found, _ = probe(Refused("HTTP 429", None))
    assert (found.calls, found.usable, found.trouble) == (2, False, "HTTP 429")
    assert found.reachable
    found, _ = probe(Refused("HTTP 429 insufficient_quota", exhausted=True))
    assert found.calls == 1


@pytest.mark.parametrize(
    ("verdict", "credentials", "reachable", "calls"),
    [
        (Denied("HTTP 401: no such key"), "refused", True, 1),
        (Denied("HTTP 404 model_not_found: no such model"), "unknown", True, 1),
        (Transient("cannot connect: refused"), "unknown", False, 2),
        (Transient("HTTP 500: ouch"), "unknown", True, 2),
        (Rejected("HTTP 400: no"), "unknown", True, 4),
    ],
)
def test_what_does_not_pass_ends_the_probe_with_its_reason(
    verdict: Verdict, credentials: str, reachable: object, calls: int
) -> None:
    found, _ = probe(verdict)
    assert (found.credentials, found.reachable, found.calls) == (credentials, reachable, calls)
    assert found.trouble == getattr(verdict, "reason", "")
    assert found.mends == []
    assert not found.usable


def test_however_much_is_refused_it_ends() -> None:
    reasons = ["seed", "system role", "temperature", "top_p", "max_tokens", "stream must be true"]
    asked = an_endpoint()
    asked = msgspec.structs.replace(asked, parameters={"temperature": 0, "top_p": 1})
    found, _ = probe(*[Rejected(f"HTTP 400: {r}") for r in reasons], endpoint=asked)
    assert (found.calls, found.mends) == (MOST_CALLS, [])
    found, _ = probe(*[Rejected(f"HTTP 400: {r}") for r in reasons[:5]], HELLO, endpoint=asked)
    assert (found.calls, found.usable, found.native_tools) == (MOST_CALLS, True, "not asked")
    assert [mend.place[-1] for mend in found.mends] == [
        "seed",
        "system_role",
        "temperature",
        "top_p",
    ]


def test_what_stands_in_the_pool_file_already_is_not_asked_about() -> None:
    asked = msgspec.structs.replace(an_endpoint(), parameters={"seed": ""}, system_role="user")
    found, _ = probe(HELLO, HELLO, endpoint=asked)
    assert (found.seed, found.system_role, found.native_tools) == (
        "not asked", "not asked", "taken, not used",
    )  # fmt: skip


def test_a_refusal_behind_tool_calls_is_about_reasoning_or_a_note() -> None:
    found, _ = probe(HELLO, CALLS, Rejected("HTTP 400: thought_signature is missing"))
    assert (found.reasoning, found.notes) == ("must come back", [])
    found, _ = probe(HELLO, CALLS, Rejected("HTTP 400: no role tool"))
    assert (found.reasoning, found.notes) == (
        "not asked", ["told what its tool calls gave: HTTP 400: no role tool"],
    )  # fmt: skip
    found, _ = probe(HELLO, Rejected("HTTP 400: no tools"))
    assert (found.native_tools, len(found.notes)) == ("refused", 1)


def test_the_cost_is_what_all_calls_may_take_at_most() -> None:
    plain = an_endpoint()
    priced = msgspec.structs.replace(
        plain, price_in=1.0, price_out=2.0, parameters={"max_completion_tokens": 100}
    )
    cost = cost_of([priced, priced])
    assert (cost.calls, cost.prompt_tokens, cost.completion_tokens) == (12, 3_000, 1_200)
    assert cost.price == pytest.approx((3_000 * 1 + 1_200 * 2) / 1e6)
    assert cost_of([plain, priced]).price is None
    assert cost_of([plain]).completion_tokens == 6 * 512
