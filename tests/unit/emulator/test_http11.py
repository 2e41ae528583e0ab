from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.emulator import http11
from stormproof.emulator.http11 import (
    MAX_AHEAD,
    MAX_BODY,
    MAX_HEAD,
    Connection,
    Exchange,
    HttpError,
    HttpRequest,
    RequestReader,
)

HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: h\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.out = b""
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.out += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


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


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"


@given(st.lists(st.integers(1, 60)))
def test_an_offer_of_another_protocol_is_passed_over(sizes: list[int]) -> None:
    bare = b"POST /a HTTP/1.1\r\nHost: h\r\n" + OFFER
    data = bare + b"Content-Length: 3\r\n\r\nabc" + bare + b"\r\n"
    requests, wire = heard(cut(data + data, sizes))
    assert requests == [("/a", b"abc"), ("/a", b"")] * 2
    assert not wire.closed


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data: bytes) -> None:
    heard([data, b"\r\n\r\n"])


TOKENS = [
    b"GET ", b"POST ", b"PRI * HTTP/2.0\r\n", b"/a ", b"HTTP/1.1\r\n", b"HTTP/1.0\r\n", b"\r\n",
    b"Host: h\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n",
    b"0\r\n\r\n", b"Connection: close\r\n", OFFER, b"Expect: x\r\n", b"abc",
]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=25), st.lists(st.integers(1, 30), max_size=8))
def test_what_is_nearly_http_breaks_nothing_and_is_heard_the_same_however_it_is_cut(
    tokens: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(tokens)
    whole, wire = heard([data])
    parts, other = heard(cut(data, sizes))
    assert whole == parts
    assert wire.closed == other.closed


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\r\n\r\n", b"400"),
        (b"GET / HTTP/2\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: \xd9\xa1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), b"413"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * MAX_HEAD + b"\r\n\r\n", b"431"),
        (b"GET /" + b"y" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * MAX_HEAD, b"431"),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(head: bytes, status: bytes) -> None:
    requests, wire = heard([head])
    assert requests == []
    assert wire.out.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in wire.out
    assert wire.closed


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nx: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: ",
    ],
)
def test_what_never_ends_is_refused_before_it_fills_the_memory(start: bytes) -> None:
    requests, wire = heard([start, *[b"y" * 4096] * 9])
    assert requests == []
    assert wire.out.startswith(b"HTTP/1.1 431")


def test_a_chunked_body_is_refused_where_it_grows_past_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http11, "MAX_BODY", 5)
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    assert heard([head + b"5\r\nabcde\r\n0\r\n\r\n"])[0] == [("/a", b"abcde")]
    requests, wire = heard([head + b"5\r\nabcde\r\n1\r\nf\r\n0\r\n\r\n"])
    assert requests == []
    assert wire.out.startswith(b"HTTP/1.1 413")


def test_a_trailer_changes_no_field_of_the_head() -> None:
    reader = RequestReader()
    reader.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: other\r\n\r\n")
    (request,) = reader.ready
    assert isinstance(request, HttpRequest)
    assert request.headers["host"] == "h"


def test_what_was_good_is_answered_before_what_follows_is_refused() -> None:
    requests, wire = heard([HEAD + b"\r\n" + b"nonsense\r\n\r\n", b"more nonsense"])
    assert requests == [("/a", b"")]
    assert wire.out.startswith(b"HTTP/1.1 200")
    assert wire.out.count(b"HTTP/1.1 400") == 1


@pytest.mark.parametrize(
    ("line", "keeps"),
    [
        (b"GET /p?q HTTP/1.1", True),
        (b"GET /p?q HTTP/1.0", False),
        (b"GET /p?q HTTP/1.1\r\nConnection: close", False),
        (b"GET /p?q HTTP/1.0\r\nConnection: Keep-Alive", True),
    ],
)
def test_who_keeps_the_connection(line: bytes, keeps: bool) -> None:  # noqa: FBT001  a table
    reader = RequestReader()
    reader.feed(line + b"\r\nX-Name:  v \r\n\r\n")
    (request,) = reader.ready
    assert isinstance(request, HttpRequest)
    assert request.keep_alive is keeps
    assert (request.method, request.path, request.query) == ("GET", "/p", "q")
    assert request.headers["x-name"] == "v"


def test_no_more_is_read_ahead_than_the_bound_until_all_is_answered() -> None:
    async def go() -> list[bool]:
        exchanges: list[Exchange] = []
        connection, wire = Connection(exchanges.append), Wire()
        connection.connection_made(wire)
        connection.data_received(HEAD + b"\r\n")
        connection.data_received(HEAD + b"Content-Length: %d\r\n\r\n" % MAX_AHEAD)
        reading = [wire.reading]
        connection.data_received(b"x" * MAX_AHEAD)
        reading.append(wire.reading)
        for at in range(2):
            exchanges[at].answer(200, b"")
            reading.append(wire.reading)
        return reading

    assert asyncio.run(go()) == [True, False, False, True]


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it() -> None:
    requests, wire = heard([HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", b"x"])
    assert wire.out.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert requests == [("/a", b"x")]


def test_leave_is_given_only_when_what_came_before_is_answered() -> None:
    async def go() -> None:
        exchanges: list[Exchange] = []
        connection, wire = Connection(exchanges.append), Wire()
        connection.connection_made(wire)
        wait = b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        connection.data_received(HEAD + b"\r\n" + HEAD + wait)
        assert wire.out == b""
        exchanges[0].answer(200, b"")
        assert wire.out.endswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.data_received(b"x")
        assert exchanges[1].request.body == b"x"

    asyncio.run(go())


def test_after_what_is_not_http_nothing_is_heard() -> None:
    reader = RequestReader()
    reader.feed(b"nonsense\r\n\r\n")
    reader.feed(HEAD + b"\r\n")
    (refusal,) = reader.ready
    assert isinstance(refusal, HttpError)


def test_who_prepares_an_answer_learns_that_the_client_has_left() -> None:
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
