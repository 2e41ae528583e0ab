"""Services that only stream, and ways in which streams break, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import pytest

from stormproof.domain.calls import Ok, Rejected, Request, ToolCall, Transient, Usage, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.wire import HttpTransport
from stormproof.wire.exchange import LARGEST_BODY

pytestmark = pytest.mark.anyio

KEY = "sk-marked-7f3a91c2"
Server = Callable[..., AbstractAsyncContextManager[Any]]
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
DONE = b"data: [DONE]\n\n"


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"model": "served", "choices": choices} | more).encode() + b"\n\n"


HELLO = (
    event({"role": "assistant", "content": "He"}),
    event({"content": "llo"}),
    event({}, "stop"),
)
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}\n\n'


def framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def streams(*events: bytes, then: str = "ends", pause_s: float = 0.0) -> Any:
    """A script: `events`, each in a piece of its own, then the body's end, or something worse."""

    async def script(exchange: Any) -> None:
        await exchange.send(HEAD)
        for data in events:
            await asyncio.sleep(pause_s)
            await exchange.send(framed(data))
        if then == "ends":
            await exchange.send(b"0\r\n\r\n")
        elif then == "hangs":
            await exchange.hang()
        else:
            exchange.reset()

    return script


@asynccontextmanager
async def asked_of(
    script: Any, loopback: Server, endpoint: Endpoint, asked: Request, *, silence_s: float = 5
) -> AsyncIterator[tuple[Verdict, Any, float]]:
    async with (
        loopback(script) as server,
        HttpTransport({"env:KEY": KEY}, silence_s=silence_s) as transport,
    ):
        there = msgspec.structs.replace(endpoint, base_url=f"{server.url}/v1", stream=True)
        start = time.monotonic()
        verdict = await transport.send(there, asked, timeout_s=10)
        yield verdict, server, time.monotonic() - start


async def test_a_service_that_only_streams_is_asked_to_and_read(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def only_streams(exchange: Any) -> None:
        if exchange.body.get("stream"):
            await streams(b": keep-alive\n\n", *HELLO, USAGE, DONE)(exchange)
        else:  # https://help.aliyun.com/zh/model-studio, of QwQ and Qwen3 thinking models
            message = "This model only support stream mode, please enable the stream parameter."
            await exchange.answer(400, {"error": {"message": message, "code": "invalid_parameter"}})

    async with asked_of(only_streams, loopback, endpoint, asked) as (verdict, server, _):
        assert isinstance(verdict, Ok)
        assert (verdict.reply.text, verdict.reply.usage) == ("Hello", Usage(5, 2))
        assert (verdict.reply.served_model, verdict.reply.raw) == ("served", "")
        assert server.exchanges[0].body["stream_options"] == {"include_usage": True}


async def test_tool_calls_in_pieces_cut_anywhere(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    pieces = [
        {"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}},
        {"index": 1, "id": "b", "function": {"name": "g", "arguments": '{"é":'}},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "function": {"arguments": " 1}"}},
    ]
    whole = b"".join(event({"tool_calls": [piece]}) for piece in pieces) + event({}, "tool_calls")
    cut = [whole[at : at + 37] for at in range(0, len(whole), 37)]
    async with asked_of(streams(*cut, DONE), loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Ok)
        assert verdict.reply.tool_calls == (
            ToolCall("a", "f", "{}"),
            ToolCall("b", "g", '{"é": 1}'),
        )


async def test_an_error_inside_the_stream(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    error = b'data: {"error": {"code": 400, "message": "too long for the context"}}\n\n'
    async with asked_of(streams(HELLO[0], error), loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Rejected)
        assert "too long for the context" in verdict.reason


@pytest.mark.parametrize("then", ["ends", "resets"])
async def test_a_stream_that_ends_before_its_reply_is_none(
    loopback: Server, endpoint: Endpoint, asked: Request, then: str
) -> None:
    script = streams(*HELLO[:2], then=then)
    async with asked_of(script, loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Transient)
        assert "Hello" in verdict.raw


async def test_a_stream_that_falls_silent_is_left_long_before_the_call_may_end(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    script = streams(*HELLO[:2], then="hangs")
    async with asked_of(script, loopback, endpoint, asked, silence_s=0.2) as (verdict, _, took_s):
        assert isinstance(verdict, Transient)
        assert verdict.reason.startswith("the stream fell silent for 0.2 s")
        assert took_s < 2


async def test_comments_and_thoughts_keep_a_stream_alive(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    events = (HELLO[0], b": PROCESSING\n\n", b": PROCESSING\n\n", b": PROCESSING\n\n", *HELLO[1:])
    script = streams(*events, DONE, pause_s=0.15)
    async with asked_of(script, loopback, endpoint, asked, silence_s=0.3) as (verdict, _, took_s):
        assert isinstance(verdict, Ok)
        assert took_s > 0.6


async def test_a_model_that_thinks_unheard_is_waited_for(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    filters = b'data: {"choices": [], "prompt_filter_results": []}\n\n'  # what Azure sends at once

    async def thinks(exchange: Any) -> None:
        await exchange.send(HEAD + framed(filters))
        await asyncio.sleep(0.8)
        for data in HELLO:
            await exchange.send(framed(data))
        await exchange.send(b"0\r\n\r\n")

    async with asked_of(thinks, loopback, endpoint, asked, silence_s=0.3) as (verdict, _, took_s):
        assert isinstance(verdict, Ok)
        assert took_s > 0.6


@pytest.mark.parametrize("last", [(DONE,), ()])
async def test_a_server_that_forgets_to_end_the_body_behind_a_whole_reply(
    loopback: Server, endpoint: Endpoint, asked: Request, last: tuple[bytes, ...]
) -> None:
    script = streams(*HELLO, *last, then="hangs")
    async with asked_of(script, loopback, endpoint, asked, silence_s=1.2) as (verdict, _, took_s):
        assert isinstance(verdict, Ok)
        assert verdict.reply.text == "Hello"
        assert took_s < 2


async def test_a_long_reply_in_small_pieces_is_read_and_an_endless_one_is_left(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    many = event({"content": "four"}) * 1_000
    script = streams(*([many] * 50), event({}, "stop"), DONE)  # more bytes than a body may have
    async with asked_of(script, loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Ok)
        assert len(verdict.reply.text) == 200_000
        assert 50 * len(many) > LARGEST_BODY
    script = streams(*([b"data: " + b"x" * 2**20] * 6))
    async with asked_of(script, loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Transient)
        assert "more than 4 MiB" in verdict.reason


async def test_a_stream_that_nobody_asked_for_is_read_too(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    async def script(exchange: Any) -> None:
        await exchange.answer(200, b"".join((*HELLO, DONE)), content_type="application/json")

    async with asked_of(script, loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Ok)


async def test_a_key_that_comes_back_in_pieces_is_taken_out(
    loopback: Server, endpoint: Endpoint, asked: Request
) -> None:
    parts = (event({"content": KEY[:9]}), event({"content": KEY[9:]}), event({}, "stop"), DONE)
    async with asked_of(streams(*parts), loopback, endpoint, asked) as (verdict, _, _):
        assert isinstance(verdict, Ok)
        assert verdict.reply.text == "[key]"
