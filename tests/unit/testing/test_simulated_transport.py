"""The simulated transport, on trio's mock clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import pytest
import trio
import trio.testing

from stormproof.domain.calls import Denied, Ok, Refused, Rejected, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint, Limits
from stormproof.errors import AuthFailed, CallError, RateLimited, RequestRejected, TransientFailure
from stormproof.testing import ScriptedModel, SimulatedTransport
from stormproof.testing.records import an_endpoint
from stormproof.wire import Transport

T = TypeVar("T")
HERE = an_endpoint("here")


def on_mock_clock(main: Callable[[], Awaitable[T]]) -> T:
    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def ask(wire: Transport, endpoint: Endpoint = HERE, timeout_s: float = 60) -> Verdict:
    return await wire.send(endpoint, Request("t", 0, "m", ()), timeout_s=timeout_s)


async def at_once(wire: Transport, count: int) -> Counter[str]:
    """So many sends at one instant; the kinds of their verdicts."""
    kinds = Counter[str]()

    async def one() -> None:
        kinds[type(await ask(wire)).__name__] += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
    return kinds


def test_it_says_what_the_model_says_and_marks_it_as_simulated() -> None:
    wire = SimulatedTransport(ScriptedModel(["a line"]))
    verdict = on_mock_clock(lambda: ask(wire))
    assert isinstance(verdict, Ok)
    assert (verdict.reply.text, verdict.reply.simulated) == ("a line", True)
    assert [(s.endpoint_id, s.trial_id, s.attempt) for s in wire.sends] == [("here", "t", 1)]


def test_latencies_are_around_their_median_and_repeat() -> None:
    async def latencies() -> list[float]:
        wire, taken = SimulatedTransport(median_s=2.0), []
        for _ in range(400):
            began = trio.current_time()
            await ask(wire, timeout_s=600)
            taken.append(trio.current_time() - began)
        return taken

    first = on_mock_clock(latencies)
    assert sorted(first)[200] == pytest.approx(2.0, rel=0.15)
    assert on_mock_clock(latencies) == pytest.approx(first)


def test_what_takes_longer_than_the_caller_waits_is_no_answer() -> None:
    async def slow() -> tuple[Verdict, float]:
        began = trio.current_time()
        return await ask(SimulatedTransport(median_s=600), timeout_s=3), trio.current_time() - began

    verdict, took_s = on_mock_clock(slow)
    assert isinstance(verdict, Transient)
    assert took_s == pytest.approx(3)


def test_it_refuses_beyond_its_slots_and_takes_them_back() -> None:
    async def main() -> tuple[Counter[str], Counter[str]]:
        wire = SimulatedTransport(limits=Limits(max_workers=3))
        return await at_once(wire, 10), await at_once(wire, 3)

    assert on_mock_clock(main) == (Counter(Ok=3, Refused=7), Counter(Ok=3))


def test_a_rate_limit_refuses_with_the_time_to_wait() -> None:
    async def main() -> tuple[Verdict, Verdict]:
        wire = SimulatedTransport(limits=Limits(rpm=60), median_s=0.001)
        await ask(wire)
        refused = await ask(wire)
        assert isinstance(refused, Refused)
        assert refused.retry_after_s is not None
        await anyio.sleep(refused.retry_after_s)
        return refused, await ask(wire)

    refused, later = on_mock_clock(main)
    assert isinstance(refused, Refused)
    assert refused.retry_after_s == pytest.approx(1, abs=0.1)
    assert isinstance(later, Ok)


def test_limits_by_endpoint_bind_that_endpoint_alone() -> None:
    async def main() -> list[type[Verdict]]:
        wire = SimulatedTransport(limits={"here": Limits(rpm=60)}, median_s=0.001)
        others = [an_endpoint("there"), an_endpoint("there"), HERE, HERE]
        return [type(await ask(wire, endpoint)) for endpoint in others]

    assert on_mock_clock(main) == [Ok, Ok, Ok, Refused]


def test_a_fault_comes_before_everything_else() -> None:
    async def dead(endpoint: Endpoint, _: Request) -> Verdict | None:
        return Denied("401") if endpoint.endpoint_id == "dead" else None

    async def main() -> list[type[Verdict]]:
        wire = SimulatedTransport(fault=dead)
        return [type(await ask(wire, endpoint)) for endpoint in (an_endpoint("dead"), HERE)]

    assert on_mock_clock(main) == [Denied, Ok]


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (RateLimited("x"), Refused("x")),
        (RequestRejected("x"), Rejected("x")),
        (AuthFailed("x"), Denied("x")),
        (TransientFailure("x"), Transient("x")),
    ],
)
def test_a_model_that_fails_is_a_verdict(error: CallError, verdict: Verdict) -> None:
    assert on_mock_clock(lambda: ask(SimulatedTransport(ScriptedModel([error])))) == verdict
