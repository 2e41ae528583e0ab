from __future__ import annotations

import asyncio
import gzip
import itertools
import zlib
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.wire.http1 import LARGEST_BODY, Answer, Broken, Connection, TooLarge


class Wire:
    """What an event loop would hold a connection by."""

    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


def connected() -> tuple[Connection, Wire]:
    connection, wire = Connection(), Wire()
    connection.connection_made(cast("Any", wire))
    return connection, wire


def exchanged(pieces: list[bytes], *, ends: bool = False) -> tuple[Answer, Connection]:
    """Give a connection an answer in pieces, and its end when asked."""

    async def go() -> tuple[Answer, Connection]:
        connection, _ = connected()
        answer = Answer()
        call = asyncio.ensure_future(connection.exchange(b"POST", answer))
        for piece in pieces:
            await asyncio.sleep(0)
            connection.data_received(piece)
        if ends:
            await asyncio.sleep(0)
            connection.connection_lost(None)
        async with asyncio.timeout(2):
            await call
        return answer, connection

    return asyncio.run(go())


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted({min(a, len(data)) for a in at}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def sized(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(body: bytes) -> bytes:
    pieces = b"".join(b"%X\r\n%s\r\n" % (len(p), p) for p in cut(body, list(range(0, 9999, 5))))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    return head + pieces + b"0\r\nTrailer: x\r\n\r\n"


@given(st.binary(max_size=60), st.lists(st.integers(0, 200)), st.sampled_from([sized, chunked]))
def test_it_does_not_matter_how_an_answer_is_cut_into_packets(
    body: bytes, at: list[int], form: Any
) -> None:
    answer, connection = exchanged(cut(form(body), at))
    assert (answer.status, bytes(answer.body), answer.reusable) == (200, body, True)
    assert connection.usable


@given(st.binary(min_size=1, max_size=80), st.lists(st.integers(0, 80), max_size=4))
def test_no_bytes_make_it_hang_or_fail_in_another_way(noise: bytes, at: list[int]) -> None:
    try:
        answer, _ = exchanged(cut(noise, at), ends=True)
    except Broken:
        return
    assert 200 <= answer.status <= 999


@given(st.binary(max_size=40), st.integers(0, 80))
def test_an_answer_cut_off_is_broken_and_keeps_what_came(body: bytes, at: int) -> None:
    whole = sized(body)
    if at >= len(whole):
        return
    answer = Answer()

    async def go() -> None:
        connection, _ = connected()
        connection.data_received(whole[:at])
        connection.connection_lost(ConnectionResetError(104, "Connection reset by peer"))
        await connection.exchange(b"", answer)

    with pytest.raises(Broken, match="the connection broke: Connection reset by peer"):
        asyncio.run(go())
    assert body.startswith(bytes(answer.body))
    assert len(answer.body) == max(0, at - (len(whole) - len(body)))


def test_a_connection_with_bytes_that_nobody_asked_for_is_not_usable() -> None:
    connection, _ = connected()
    before = connection.usable
    connection.data_received(b"x")
    assert (before, connection.usable) == (True, False)


def test_a_flood_is_hung_up_on() -> None:
    connection, wire = connected()
    for _ in range(6):
        connection.data_received(b"x" * 2**20)
    assert wire.aborted


def test_an_endless_head_is_broken() -> None:
    with pytest.raises(Broken, match="never end"):
        exchanged([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000])


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"plain")),
        ("deflate", zlib.compress(b"plain")),
        ("", b"plain"),
        ("gzip", b"plain"),  # a header that lies
        ("br", b"plain"),
    ],
)
def test_content_encodings(encoding: str, body: bytes) -> None:
    answer = Answer()
    answer.headers = {"content-encoding": encoding}
    answer.body += body
    assert answer.content() == b"plain"


def test_a_compressed_body_is_bounded_too() -> None:
    answer = Answer()
    answer.headers = {"content-encoding": "gzip"}
    answer.body += gzip.compress(b"x" * (LARGEST_BODY + 1))
    with pytest.raises(TooLarge):
        answer.content()
