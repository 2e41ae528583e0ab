from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.emulator.http11 import (
    MAX_BODY,
    MAX_HEAD,
    Connection,
    Exchange,
    HttpError,
    body_of,
    parse_head,
)

HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.out = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.out += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def heard(chunks: list[bytes]) -> tuple[list[tuple[str, bytes]], Wire]:
    """The requests that a connection hears, each answered at once, and what it wrote."""
    requests = []

    def handle(exchange: Exchange) -> None:
        requests.append((exchange.request.path, exchange.request.body))
        exchange.answer(200, b"ok")

    async def go() -> Wire:
        connection, wire = Connection(handle), Wire()
        connection.connection_made(wire)
        for chunk in chunks:
            if not wire.closed:
                connection.data_received(chunk)
        return wire

    return requests, asyncio.run(go())


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(st.lists(st.binary(max_size=40), max_size=4), st.lists(st.integers(1, 60), max_size=30))
def test_requests_are_heard_whole_however_they_are_cut(
    bodies: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(b), b) for b in bodies)
    requests, wire = heard(cut(data, sizes))
    assert requests == [("/a", body) for body in bodies]
    assert wire.out.count(b"HTTP/1.1 200 OK\r\n") == len(bodies)


def test_thousands_of_requests_in_one_write_are_answered_one_after_the_other() -> None:
    requests, wire = heard([(HEAD + b"\r\n") * 5_000])
    assert len(requests) == wire.out.count(b"HTTP/1.1 200") == 5_000


def test_nothing_is_heard_after_a_request_that_closes() -> None:
    requests, wire = heard([HEAD + b"Connection: close\r\n\r\n" + HEAD + b"\r\n"])
    assert len(requests) == 1
    assert wire.closed


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.lists(st.integers(1, 20)))
def test_chunks_are_put_together(parts: list[bytes], sizes: list[int]) -> None:
    body = b"".join(b"%X;x=y\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\nTrailer: t\r\n\r\n"
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body
    requests, _ = heard(cut(data + data, sizes))
    assert requests == [("/a", b"".join(parts))] * 2


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    heard([data, b"\r\n\r\n"])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\r\n\r\n", b"400"),
        (b"GET / HTTP/2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), b"413"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD, b"431"),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(head: bytes, status: bytes) -> None:
    requests, wire = heard([head])
    assert requests == []
    assert wire.out.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in wire.out
    assert wire.closed


@pytest.mark.parametrize(
    ("line", "keeps"),
    [
        ("GET / HTTP/1.1", True),
        ("GET / HTTP/1.0", False),
        ("GET / HTTP/1.1\r\nConnection: close", False),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_who_keeps_the_connection(line: str, keeps: bool) -> None:  # noqa: FBT001  a table
    assert parse_head(line).keep_alive is keeps


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    requests, wire = heard([HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", b"x"])
    assert wire.out.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert requests == [("/a", b"x")]


def test_lengths_are_plain_digits() -> None:
    assert body_of({"content-length": "12"}) == (12, False)
    assert body_of({}) == (0, False)
    with pytest.raises(HttpError, match="not a number"):
        body_of({"content-length": "١٢"})


def test_a_client_that_leaves_is_told_to_who_prepares_its_answer() -> None:
    gone = []

    async def go() -> None:
        def handle(exchange: Exchange) -> None:
            exchange.on_gone = lambda: gone.append(exchange.request.path)

        connection = Connection(handle)
        connection.connection_made(Wire())
        connection.data_received(HEAD + b"\r\n" + HEAD + b"\r\n")
        connection.connection_lost(None)

    asyncio.run(go())
    assert gone == ["/a"]
