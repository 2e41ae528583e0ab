"""As much HTTP/1.1 as a provider needs: keep-alive, pipelining, lengths, chunks, bounds.

Hand-written because the emulator must never be the bottleneck of what it measures: a request
costs about 30 µs here, some ten times that in a general framework.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast

from msgspec import Struct

MAX_HEAD = 32 * 1024
MAX_BODY = 64 * 1024 * 1024
MAX_WAITING = 1024 * 1024  # bytes read ahead of the exchange under way
PIECE = 256 * 1024
_REASONS: Final = {int(s): s.phrase for s in HTTPStatus}
_NO_LINGER = struct.pack("ii", 1, 0)


class HttpError(Exception):
    """What was sent is not HTTP as we take it; the connection closes after the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class HttpRequest(Struct):
    """A request. Header names are in lower case; the path is as sent, without its query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    keep_alive: bool
    body: bytes = b""


Handler = Callable[["Exchange"], None]


class Exchange:
    """One request and the way to answer it, once. `on_gone` is called if the client leaves."""

    __slots__ = ("_connection", "on_gone", "request")

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        self.request = request
        self.on_gone: Callable[[], None] | None = None
        self._connection = connection

    def answer(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """The whole answer in one write."""
        head = self._head(status, len(body), headers, content_type)
        self._connection.send(head + body)
        self.finish(keep_alive=self.request.keep_alive)

    def truncated(self, body: bytes) -> None:
        """Half of the promised body, then the end of the connection."""
        self._connection.send(self._head(200, len(body), None, "application/json"))
        self._connection.send(body[: len(body) // 2])
        self.finish(keep_alive=False)

    def reset(self) -> None:
        """A TCP reset in place of an answer."""
        self._connection.reset()

    def drip(self, body: bytes, interval_s: float) -> None:
        """The head at once, then one byte of the body at each interval."""
        self._connection.send(self._head(200, len(body), None, "application/json"))
        self._connection.pieces((body[at : at + 1] for at in range(len(body))), interval_s, self)

    def flood(self, head: bytes, filler: bytes, times: int, tail: bytes) -> None:
        """A body too big to build: `head`, `filler` so many times, `tail`."""
        length = len(head) + len(filler) * times + len(tail)
        self._connection.send(self._head(200, length, None, "application/json") + head)
        parts = (filler if at < times else tail for at in range(times + 1))
        self._connection.pieces(parts, 0.0, self)

    def finish(self, *, keep_alive: bool) -> None:
        """Let the connection go on to its next request, or close it."""
        self.on_gone = None
        self._connection.finished(keep_alive=keep_alive)

    def _head(
        self, status: int, length: int, headers: Mapping[str, str] | None, content_type: str
    ) -> bytes:
        more = "".join(f"{n}: {v}\r\n" for n, v in headers.items()) if headers else ""
        if not self.request.keep_alive:
            more += "connection: close\r\n"
        return (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\n"
            f"content-type: {content_type}\r\ncontent-length: {length}\r\n{more}\r\n"
        ).encode("latin-1")


class Connection(asyncio.Protocol):
    """One client connection: requests in order, one at a time."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set when made
        self._buffer = bytearray()
        self._request: HttpRequest | None = None
        self._chunks: Chunks | None = None
        self._length = 0
        self._exchange: Exchange | None = None
        self._advancing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._feeding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever was preparing an answer that nobody waits for it."""
        del exc
        self._buffer.clear()
        if self._feeding:
            self._feeding.cancel()
        exchange, self._exchange = self._exchange, None
        if exchange and exchange.on_gone:
            exchange.on_gone()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Read on, unless an answer is still due."""
        self._buffer += data
        if self._exchange is None:
            self._advance()
        elif len(self._buffer) > MAX_WAITING:
            self._transport.pause_reading()

    def send(self, data: bytes) -> None:
        """Write, if the client is still there."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def reset(self) -> None:
        """Close with RST, as a crashed peer or a cut line does."""
        self._exchange = None
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def pieces(self, parts: Iterable[bytes], interval_s: float, exchange: Exchange) -> None:
        """Write the parts one after the other, never faster than the client reads."""
        self._feeding = asyncio.ensure_future(self._feed(parts, interval_s, exchange))

    def finished(self, *, keep_alive: bool) -> None:
        """The exchange is answered."""
        self._exchange = None
        if not keep_alive:
            self._transport.close()
        elif self._buffer:
            self._transport.resume_reading()
            if not self._advancing:
                self._advance()

    async def _feed(self, parts: Iterable[bytes], interval_s: float, exchange: Exchange) -> None:
        for part in parts:
            self.send(part)
            await self._writable.wait()
            await asyncio.sleep(interval_s)
        exchange.finish(keep_alive=exchange.request.keep_alive)

    def _advance(self) -> None:
        """Hand on what has been read. A loop: requests answered at once must not nest."""
        self._advancing = True
        while self._exchange is None and not self._transport.is_closing():
            try:
                request = self._read()
            except HttpError as error:
                self._refuse(error)
                break
            if request is None:
                break
            self._exchange = Exchange(request, self)
            self._handle(self._exchange)
        self._advancing = False

    def _read(self) -> HttpRequest | None:
        """The next whole request in the buffer, if it is all there."""
        if self._request is None and not self._read_head():
            return None
        request = cast("HttpRequest", self._request)
        if self._chunks is not None:
            if not self._chunks.take(self._buffer):
                return None
            request.body = b"".join(self._chunks.parts)
        elif len(self._buffer) < self._length:
            return None
        else:
            request.body = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
        self._request = self._chunks = None
        return request

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD:
                raise HttpError(431, f"the head is longer than {MAX_HEAD} bytes")
            return False
        request = parse_head(self._buffer[:end].decode("latin-1"))
        del self._buffer[: end + 4]
        self._length, chunked = body_of(request.headers)
        self._chunks = Chunks() if chunked else None
        self._request = request
        if "expect" in request.headers:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _refuse(self, error: HttpError) -> None:
        body = b'{"error":{"message":"%s"}}' % error.reason.encode()
        nothing = HttpRequest("", "", "", {}, keep_alive=False)
        Exchange(nothing, self).answer(error.status, body)


class Chunks:
    """A chunked body as it comes in."""

    __slots__ = ("_done", "parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self._done = False

    def take(self, buffer: bytearray) -> bool:
        """Move whole chunks out of the buffer; true when the last one, and any trailer, is out."""
        while not self._done:
            end = buffer.find(b"\r\n", 0, MAX_HEAD)
            if end < 0:
                if len(buffer) >= MAX_HEAD:
                    raise HttpError(400, "a chunk's size line is too long")
                return False
            size = _chunk_size(buffer[:end])
            if self.size + size > MAX_BODY:
                raise HttpError(413, f"the body is longer than {MAX_BODY} bytes")
            if size == 0:
                del buffer[: end + 2]
                self._done = True
            elif not self._take_one(buffer, end + 2, size):
                return False
        return _take_trailer(buffer)

    def _take_one(self, buffer: bytearray, start: int, size: int) -> bool:
        stop = start + size
        if len(buffer) < stop + 2:
            return False
        if buffer[stop : stop + 2] != b"\r\n":
            raise HttpError(400, "a chunk does not end where it says")
        self.parts.append(bytes(buffer[start:stop]))
        self.size += size
        del buffer[: stop + 2]
        return True


def parse_head(text: str) -> HttpRequest:
    """Request line and headers. Raises `HttpError` for what is not HTTP/1.x."""
    lines = text.split("\r\n")
    first = lines[0].split(" ")
    if len(first) != 3 or first[2] not in {"HTTP/1.1", "HTTP/1.0"}:  # noqa: PLR2004  method target version
        raise HttpError(400, "the request line is not METHOD TARGET HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name[-1] == " " or name[0] in " \t":
            raise HttpError(400, "a header line has no name")
        name = name.lower()
        if name in headers and name in {"content-length", "host", "transfer-encoding"}:
            raise HttpError(400, f"{name} is given twice")
        headers[name] = value.strip(" \t")
    path, _, query = first[1].partition("?")
    default = "close" if first[2] == "HTTP/1.0" else "keep-alive"
    keep_alive = headers.get("connection", default).lower() != "close"
    return HttpRequest(first[0], path, query, headers, keep_alive)


def body_of(headers: Mapping[str, str]) -> tuple[int, bool]:
    """The body's length in bytes, and whether it comes in chunks instead."""
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != "chunked":
            raise HttpError(400, "transfer-encoding must be chunked and stand alone")
        return 0, True
    if length is None:
        return 0, False
    if not (length.isascii() and length.isdigit() and len(length) < 16):  # noqa: PLR2004  far past any body
        raise HttpError(400, "content-length is not a number")
    if int(length) > MAX_BODY:
        raise HttpError(413, f"the body is longer than {MAX_BODY} bytes")
    return int(length), False


def _chunk_size(line: bytearray) -> int:
    digits = bytes(line.partition(b";")[0]).strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):  # noqa: PLR2004  4 GB
        raise HttpError(400, "a chunk's size is not a number")
    return int(digits, 16)


def _take_trailer(buffer: bytearray) -> bool:
    """Trailer fields are read and dropped, up to the empty line."""
    while True:
        end = buffer.find(b"\r\n", 0, MAX_HEAD)
        if end < 0:
            if len(buffer) >= MAX_HEAD:
                raise HttpError(431, "the trailer is too long")
            return False
        del buffer[: end + 2]
        if end == 0:
            return True
