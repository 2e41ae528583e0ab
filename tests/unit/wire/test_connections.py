"""What `connections` changes of aiohttp's reader of answers, on a real socket."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp.client_proto import ResponseHandler

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


async def _answered(body: bytes, coding: str = "identity") -> Received:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    received = Received()
    pooled = connector()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, pooled:
        port = server.sockets[0].getsockname()[1]
        address = Address(pooled, f"http://127.0.0.1:{port}/", {}, None)
        await address.post("mark", b"{}", received)
    return received


def test_a_part_of_an_answer_is_parsed_once(parsed: list[int]) -> None:
    received = asyncio.run(_answered(b'{"a": 1}'))
    assert received.body() == b'{"a": 1}'
    assert len(parsed) == 1


def test_what_a_pause_left_to_parse_comes_too(parsed: list[int]) -> None:
    body = bytes(range(256)) * (LARGEST_BODY // 256)
    assert asyncio.run(_answered(gzip.compress(body), "gzip")).body() == body
    assert 0 in parsed  # a small part unfolds to more than is held at once
