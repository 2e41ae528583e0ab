"""How a service with ways of its own is faked, and what the transport makes of it."""

from __future__ import annotations

import anyio
import msgspec
import pytest
from fake_service import Exchange, FakeService, in_turn

from stormproof.domain.calls import Ok, Refused, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio

TALK = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "model": "served"}


async def talks(exchange: Exchange) -> None:
    await exchange.answer(200, TALK)


async def throttles(exchange: Exchange) -> None:
    await exchange.answer(429, b"<h1>Slow down</h1>", content_type="text/html", retry_after="2")


async def thinks_long(exchange: Exchange) -> None:
    await anyio.sleep(0.1)
    await talks(exchange)


async def drops(exchange: Exchange) -> None:
    exchange.drop()


async def resets(exchange: Exchange) -> None:
    exchange.reset()


async def hangs(exchange: Exchange) -> None:
    await exchange.hang()


async def test_each_request_meets_what_the_script_has_for_it(
    endpoint: Endpoint, asked: Request
) -> None:
    script = in_turn(throttles, thinks_long, drops, resets, hangs, talks)
    async with FakeService(script) as service, HttpTransport({"env:KEY": "sk"}) as transport:
        there = msgspec.structs.replace(endpoint, base_url=service.url)

        async def verdict() -> Verdict:
            return await transport.send(there, asked, timeout_s=0.5)

        verdicts = [await verdict() for _ in range(7)]
    assert list(map(type, verdicts)) == [Refused, Ok, Transient, Transient, Transient, Ok, Ok]
    assert isinstance(verdicts[0], Refused)
    assert verdicts[0].retry_after_s == 2
    assert len(service.exchanges) == 7
    assert service.closed == 2  # the one that hung, and the last when the client closed
