"""HTTP/1.1 as a provider speaks it: keep-alive, pipelining, lengths, chunks, bounds.

httptools (llhttp) parses; what stands here is order, bounds and the ways to answer wrongly.
No framework, because the emulator must never be the bottleneck of what it measures: to read 2.9 kB
and answer 1 kB at once takes the server about 17 µs of CPU here and 2.4 to 2.9 times that with
aiohttp.web 3.14 (50 connections kept alive on loopback, both under uvloop, in turns in one run).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, cast

import httptools
import msgspec
from msgspec import Struct

MAX_HEAD = 32 * 1024
MAX_BODY = 64 * 1024 * 1024
MAX_AHEAD = 1024 * 1024  # bytes read ahead of the exchange under way
_REASONS: Final = {int(s): s.phrase for s in HTTPStatus}
_VERSIONS: Final = frozenset({"1.1", "1.0"})
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
    """One request and the way to answer it, once."""

    __slots__ = ("_connection", "on_gone", "request")

    def __init__(self, request: HttpRequest, connection: Connection) -> None:
        self.request = request
        # Called once if the client leaves before the answer is whole; whoever prepares the
        # answer sets it, `finish` clears it.
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


class RequestReader:
    """Bytes in, requests out: the parser's callbacks, and the bounds that llhttp leaves to us."""

    def __init__(self) -> None:
        # Whole requests that nobody has taken yet, in order. What was no HTTP can only be the
        # last item: nothing is read after it.
        self.ready: deque[HttpRequest | HttpError] = deque()
        # True from the end of a head with `Expect` until its body is whole or leave was given.
        self.awaits_leave = False
        self._parser = httptools.HttpRequestParser(self)
        # The request being read; None between requests. Its head is complete once `_in_body`;
        # fields after that are a trailer's, which is dropped.
        self._url = b""
        self._headers: dict[str, str] = {}
        self._in_body = False
        self._parts: list[bytes] = []
        # Bytes of that request's target, fields and trailer so far; never above MAX_HEAD.
        self._head_bytes = 0
        # Bytes of its body so far, the sum of `_parts`; never above MAX_BODY.
        self._body_bytes = 0
        # Bytes fed since the parser last called back: all that it may be holding back itself.
        self._silent_bytes = 0

    def feed(self, data: bytes) -> None:
        """Read on, unless what came before was no HTTP."""
        while data and not (self.ready and isinstance(self.ready[-1], HttpError)):
            data = self._read_on(data)

    def _read_on(self, data: bytes) -> bytes:
        """Take the data in; gives what is still to be read.

        At a head that offers another protocol the parser leaves off. We speak no other, so the
        offer is passed over (RFC 9110, 7.8): the head is read again without it.
        """
        self._silent_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = self._head_without_offer()
            self._parser = httptools.HttpRequestParser(self)
            return head + data[offer.args[0] :]
        except httptools.HttpParserError as error:  # ours, raised in a callback, is its context
            ours = error.__context__
            self.ready.append(ours if isinstance(ours, HttpError) else HttpError(400, str(error)))
        else:
            if self._silent_bytes > MAX_HEAD:
                self.ready.append(_too_long_a_head())
        return b""

    def _head_without_offer(self) -> bytes:
        fields = {n: v for n, v in self._headers.items() if n not in {"connection", "upgrade"}}
        if "close" in self._headers["connection"].lower():
            fields["connection"] = "close"
        first = b"%b %b HTTP/1.1" % (self._parser.get_method(), self._url)
        lines = (f"{name}: {value}".encode("latin-1") for name, value in fields.items())
        return b"\r\n".join([first, *lines, b"", b""])

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = b""
        self._headers = {}
        self._in_body = False
        self._parts = []
        self._head_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Some of the target."""
        self._url += url
        self._silent_bytes = 0
        self._head_bytes += len(url)
        if self._head_bytes > MAX_HEAD:
            raise _too_long_a_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head or of the trailer."""
        self._silent_bytes = 0
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD:
            raise _too_long_a_head()
        if self._in_body:
            return
        field = name.decode("latin-1").lower()
        if field == "host" and field in self._headers:
            raise HttpError(400, "host is given twice")
        self._headers[field] = value.decode("latin-1").rstrip(" \t")

    def on_headers_complete(self) -> None:
        """The head is whole; what is wrong with it is said before any body is read."""
        self._in_body = True
        headers, parser = self._headers, self._parser
        if parser.get_http_version() not in _VERSIONS:
            raise HttpError(400, "the request line is not METHOD TARGET HTTP/1.1")
        if parser.get_method() == b"CONNECT":
            raise HttpError(400, "this is no proxy; send plain HTTP/1.1")
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise HttpError(400, "transfer-encoding must be chunked and stand alone")
        if int(headers.get("content-length", 0)) > MAX_BODY:
            raise _too_long_a_body()
        self.awaits_leave = "expect" in headers

    def on_body(self, part: bytes) -> None:
        """Some of the body."""
        self._silent_bytes = 0
        self._body_bytes += len(part)
        if self._body_bytes > MAX_BODY:
            raise _too_long_a_body()
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """The request is whole, unless its head is to be read again."""
        if self._parser.should_upgrade():
            return
        self._silent_bytes = 0
        self.awaits_leave = False
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("latin-1")
        keep_alive = self._parser.should_keep_alive()
        body = b"".join(self._parts)
        self.ready.append(HttpRequest(method, path, query, self._headers, keep_alive, body))


class Connection(asyncio.Protocol):
    """One client connection: requests in order, one at a time."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        # Set by `connection_made`, before anything else is called.
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # see above
        self._reader = RequestReader()
        # The request being answered; None between requests and once the client has left.
        self._exchange: Exchange | None = None
        # Bytes that came while an exchange was under way; 0 whenever all requests are answered.
        self._ahead = 0
        # True inside `_advance`, so that a request answered at once does not enter it again.
        self._advancing = False
        # Set while the client reads as fast as we write.
        self._writable = asyncio.Event()
        self._writable.set()
        # Writes an answer piece by piece; ends before the exchange does, or with the connection.
        self._feeding: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever was preparing an answer that nobody waits for it."""
        del exc
        self._reader.ready.clear()
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
        """Read on, within bounds; answer, unless an answer is still due."""
        self._reader.feed(data)
        if self._exchange is None:
            self._advance()
            return
        self._ahead += len(data)
        if self._ahead > MAX_AHEAD:
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
        elif not self._advancing:
            self._advance()

    async def _feed(self, parts: Iterable[bytes], interval_s: float, exchange: Exchange) -> None:
        for part in parts:
            self.send(part)
            await self._writable.wait()
            await asyncio.sleep(interval_s)
        exchange.finish(keep_alive=exchange.request.keep_alive)

    def _advance(self) -> None:
        """Hand on what has been read. A loop: requests answered at once must not nest."""
        ready = self._reader.ready
        self._advancing = True
        while ready and self._exchange is None and not self._transport.is_closing():
            request = ready.popleft()
            if isinstance(request, HttpError):
                self._refuse(request)
            else:
                self._exchange = Exchange(request, self)
                self._handle(self._exchange)
        self._advancing = False
        if self._exchange is None and (self._ahead or self._reader.awaits_leave):
            self._read_on()

    def _read_on(self) -> None:
        """All is answered: what was held off may come."""
        if self._transport.is_closing():
            return
        if self._ahead:
            self._ahead = 0
            self._transport.resume_reading()
        if self._reader.awaits_leave:
            self._reader.awaits_leave = False
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, error: HttpError) -> None:
        body = msgspec.json.encode({"error": {"message": error.reason}})
        nothing = HttpRequest("", "", "", {}, keep_alive=False)
        Exchange(nothing, self).answer(error.status, body)


def _too_long_a_head() -> HttpError:
    return HttpError(431, f"the head is longer than {MAX_HEAD} bytes")


def _too_long_a_body() -> HttpError:
    return HttpError(413, f"the body is longer than {MAX_BODY} bytes")
