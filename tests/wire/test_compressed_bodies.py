"""Bodies that services compress, in each way that the client says it takes."""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from stormproof.domain.calls import Ok, Request, Transient
from stormproof.domain.pool import Endpoint
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio

Server = Callable[..., AbstractAsyncContextManager[Any]]
REPLY = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
STREAM = (
    b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


@pytest.fixture(params=["gzip", "br", "zstd"])
def coding(request: pytest.FixtureRequest) -> tuple[str, Callable[[bytes], bytes]]:
    """Its name and how it is done."""
    if request.param == "gzip":
        return "gzip", gzip.compress
    module = {"br": "brotli", "zstd": "backports.zstd"}[request.param]
    pytest.importorskip(module, reason=f"{module} is not installed")
    return request.param, importlib.import_module(module).compress


@pytest.mark.parametrize("body", [msgspec.json.encode(REPLY), STREAM], ids=["whole", "stream"])
async def test_it_is_offered_and_read(
    body: bytes,
    coding: tuple[str, Callable[[bytes], bytes]],
    loopback: Server,
    endpoint: Endpoint,
    asked: Request,
) -> None:
    name, compress = coding

    async def script(exchange: Any) -> None:
        assert name in exchange.headers["accept-encoding"]
        await exchange.answer(200, compress(body), content_encoding=name)

    async with loopback(script) as server, HttpTransport({"env:KEY": "x"}) as transport:
        there = msgspec.structs.replace(endpoint, base_url=server.url)
        verdict = await transport.send(there, asked, timeout_s=5)
    assert isinstance(verdict, Ok)
    assert verdict.reply.text == "hi"


async def test_what_it_unfolds_to_is_bounded(
    coding: tuple[str, Callable[[bytes], bytes]],
    loopback: Server,
    endpoint: Endpoint,
    asked: Request,
) -> None:
    name, compress = coding
    bomb = compress(b"x" * 50_000_000)

    async def script(exchange: Any) -> None:
        await exchange.answer(200, bomb, content_encoding=name)

    async with loopback(script) as server, HttpTransport({"env:KEY": "x"}) as transport:
        there = msgspec.structs.replace(endpoint, base_url=server.url)
        verdict = await transport.send(there, asked, timeout_s=20)
    assert isinstance(verdict, Transient)
    assert verdict.reason == "HTTP 200 with a body of more than 4 MiB"


async def test_what_does_not_unfold_is_a_broken_answer(
    coding: tuple[str, Callable[[bytes], bytes]],
    loopback: Server,
    endpoint: Endpoint,
    asked: Request,
) -> None:
    async def script(exchange: Any) -> None:
        await exchange.answer(200, b"not compressed at all" * 50, content_encoding=coding[0])

    async with loopback(script) as server, HttpTransport({"env:KEY": "x"}) as transport:
        there = msgspec.structs.replace(endpoint, base_url=server.url)
        verdict = await transport.send(there, asked, timeout_s=5)
    assert isinstance(verdict, Transient)
