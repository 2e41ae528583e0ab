"""Our own client against the emulator: every limit and fault gets the verdict that it deserves."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest

from stormproof.domain.calls import Denied, Message, Ok, Refused, Request, Transient, Verdict
from stormproof.domain.pool import Dialect, Endpoint
from stormproof.emulator import Emulation, EmulatorOptions, Latency, Outage, Rule, emulated
from stormproof.emulator.listening import listening
from stormproof.wire import HttpTransport

ASKED = Request("trial", 0, "m", (Message("user", "hello"),))
FAST = Latency(first_token_s=0.0, token_s=0.0, sigma=0.0, refusal_s=0.0)


def verdicts(count: int = 1, *, dialect: Dialect = "azure", **rule: Any) -> list[Verdict]:
    """What so many sends at once come to, at an endpoint that behaves so."""
    endpoint = Endpoint(
        "e", 0, "m", "house", dialect, "https://unused.example", "m-2", "env:K", "2024-10-21"
    )
    options = EmulatorOptions(time_scale=0.01, latency=FAST, rules=(Rule(**rule),), drip_s=1.0)

    async def go() -> list[Verdict]:
        found: list[Verdict] = []
        async with listening(Emulation((endpoint,), options)) as (url, _):
            (located,), keys = emulated((endpoint,), url)
            async with HttpTransport(keys) as transport, anyio.create_task_group() as group:

                async def send() -> None:
                    found.append(await transport.send(located, ASKED, timeout_s=0.3))

                for _ in range(count):
                    group.start_soon(send)
        return found

    return anyio.run(go)


@pytest.mark.parametrize("dialect", ["azure", "openai"])
def test_an_answer_is_ok_and_known_to_be_simulated(dialect: Dialect) -> None:
    (verdict,) = verdicts(dialect=dialect)
    assert isinstance(verdict, Ok)
    assert verdict.reply.simulated
    assert verdict.reply.text
    assert verdict.reply.usage.completion_tokens > 0


@pytest.mark.parametrize(
    "fault",
    ["500", "503", "reset", "hang", "truncated", "nonjson", "empty", "error_object", "drip"],
)
def test_a_fault_on_the_wire_is_transient(fault: str) -> None:
    (verdict,) = verdicts(faults={fault: 1.0})
    assert isinstance(verdict, Transient), verdict


def test_an_outage_is_transient_and_what_is_lost_for_good_is_denied() -> None:
    assert isinstance(verdicts(outages=(Outage(),))[0], Transient)
    assert isinstance(verdicts(revoked_at_s=0)[0], Denied)
    assert isinstance(verdicts(gone_at_s=0)[0], Denied)


def test_a_spent_quota_is_told_from_a_rate() -> None:
    (spent,) = verdicts(exhausted_at_s=0)
    assert isinstance(spent, Refused)
    assert spent.quota
    refused = [v for v in verdicts(3, qps=0.5) if isinstance(v, Refused)]
    assert len(refused) == 2
    assert not refused[0].quota
    assert refused[0].retry_after_s == pytest.approx(2.0, abs=0.1)


def test_a_cap_refuses_the_rest() -> None:
    slow = msgspec.structs.replace(FAST, first_token_s=5.0)
    kinds = [type(v) for v in verdicts(5, max_workers=2, latency=slow)]
    assert sorted(kinds, key=str) == [Ok] * 2 + [Refused] * 3


def test_limits_stand_in_headers() -> None:
    (verdict,) = verdicts(rpm=600, tpm=90_000)
    assert isinstance(verdict, Ok)
    assert verdict.rates
    assert (verdict.rates.limit_rpm, verdict.rates.limit_tpm) == (600, 90_000)
    (silent,) = verdicts(rpm=600, rate_headers=False)
    assert isinstance(silent, Ok)
    assert silent.rates is None or silent.rates.limit_rpm is None
