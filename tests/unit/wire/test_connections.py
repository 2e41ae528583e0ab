"""What `connections` changes of aiohttp's reader of answers, on a real socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import client_proto
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpResponseParser

from stormproof.wire.connections import connector
from stormproof.wire.exchange import LARGEST_BODY, Address, Received


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each part that aiohttp's parser is given."""
    sizes: list[int] = []
    parse = ResponseHandler.data_received

    def noted(self: ResponseHandler, data: bytes) -> None:
        sizes.append(len(data))
        parse(self, data)

    monkeypatch.setattr(ResponseHandler, "data_received", noted)
    return sizes


def _sized(body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


async def _read(answers: Sequence[bytes]) -> list[bytes]:
    """The bodies of answers that come over one connection."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(answer)
            await writer.drain()
        writer.close()

    bodies, pooled = [], connector()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, pooled:
        port = server.sockets[0].getsockname()[1]
        address = Address(pooled, f"http://127.0.0.1:{port}/", {}, None)
        for _ in answers:
            received = Received()
            await address.post("mark", b"{}", received)
            bodies.append(received.body())
    assert connections == 1
    return bodies


def test_a_part_of_an_answer_is_parsed_once(parsed: list[int]) -> None:
    assert asyncio.run(_read([_sized(b'{"a": 1}')])) == [b'{"a": 1}']
    assert len(parsed) == 1


def test_what_a_pause_left_to_parse_comes_too(parsed: list[int]) -> None:
    body = bytes(range(256)) * (LARGEST_BODY // 256)
    answer = _sized(gzip.compress(body), "content-encoding: gzip\r\n")
    assert asyncio.run(_read([answer])) == [body]
    assert 0 in parsed  # a small part unfolds to more than is held at once


def test_one_parser_reads_all_answers_of_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    kind = HttpResponseParser

    def noted(*args: Any, **kwargs: Any) -> object:
        made.append(kind)
        return kind(*args, **kwargs)

    monkeypatch.setattr(client_proto, "HttpResponseParser", noted)
    answers = [
        _sized(gzip.compress(b"folded"), "content-encoding: gzip\r\n"),
        _sized(b"plain"),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + _sized(b"late"),
        _sized(b""),
        b"HTTP/1.1 200 OK\r\n\r\nto the end",
    ]
    found = asyncio.run(_read(answers))
    assert found == [b"folded", b"plain", b"abcde", b"late", b"", b"to the end"]
    assert len(made) == 1
