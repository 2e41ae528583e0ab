"""HTTP/1.1 as a client of chat completions needs it: one request, one answer, on one connection.

Ours because no ready one does all of this: a cancelled call hangs up (pyreqwest 0.15 lets it run
on, holding quota and being paid for), what came of a body that broke off is kept, a body is bounded
while it comes, and a whole call, encoding and reading included, costs what bare pyreqwest costs:
0.07 ms of CPU at 200 in flight, against 0.11 for bare aiohttp (`benchmarks/client.py`).
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import cast

LARGEST_BODY = 4 * 2**20  # bytes; 200 slots full of these still fit a small machine
LARGEST_HEAD = 64 * 2**10  # bytes
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9]\d\d)(?: |\Z)")
_BODILESS = frozenset({204, 304})


class Broken(Exception):
    """The answer ended early or is no HTTP; the text says how, in words without an address."""


class TooLarge(Exception):
    """The body is larger than `LARGEST_BODY`."""


class Answer:
    """What has come of an answer so far; it outlives the call that was filling it."""

    __slots__ = ("body", "headers", "reusable", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.reusable = False

    def content(self) -> bytes:
        """The body with its content encoding taken off, at most `LARGEST_BODY` of it."""
        encoding = self.headers.get("content-encoding", "").lower()
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            return bytes(self.body)
        inflate = zlib.decompressobj(wbits=47)  # 47: gzip or zlib, whichever it is
        try:
            plain = inflate.decompress(self.body, LARGEST_BODY + 1)
        except zlib.error:
            return bytes(self.body)
        if len(plain) > LARGEST_BODY:
            raise TooLarge
        return plain


class Connection(asyncio.Protocol):
    """One connection. What comes is buffered here, and read by the one call that holds it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._end: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop, and again when TLS starts inside a proxy's tunnel."""
        self._transport = cast("asyncio.Transport", transport)  # TCP and TLS ones are

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. A server that floods a slow reader is hung up on."""
        self._buffer += data
        if len(self._buffer) > LARGEST_BODY + LARGEST_HEAD:
            self.close()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._end = f"the connection broke: {_words(exc)}" if exc else "the connection was closed"
        self._wake()

    @property
    def transport(self) -> asyncio.Transport:
        """The open transport."""
        if self._transport is None:
            raise Broken("the connection is not open")
        return self._transport

    @property
    def usable(self) -> bool:
        """Whether the next call may take it: open, and nothing came that nobody asked for."""
        return self._end is None and not self._buffer and not self.transport.is_closing()

    def close(self) -> None:
        """Hang up at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, request: bytes, answer: Answer) -> None:
        """Send a request and fill `answer`. Raises `Broken` or `TooLarge`."""
        self.transport.write(request)
        await self.read_head(answer)
        await self._read_body(answer)

    async def read_head(self, answer: Answer) -> None:
        """Status and headers; 1xx are passed over."""
        while True:
            lines = (await self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            if not (found := _STATUS.match(lines[0])):
                raise Broken("what came is not HTTP/1.1")
            if found[2][0] != "1":
                break
        headers = answer.headers
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), value.strip())
        answer.status = int(found[2])
        answer.reusable = found[1] == "1" and "close" not in headers.get("connection", "").lower()

    async def _read_body(self, answer: Answer) -> None:
        headers = answer.headers
        if answer.status in _BODILESS:
            return
        if "chunked" in headers.get("transfer-encoding", "").lower():
            await self._chunked(answer.body)
        elif (length := headers.get("content-length")) is not None:
            await self._exactly(_size(length, 10), answer.body)
        else:
            answer.reusable = False
            await self._rest(answer.body)

    async def _chunked(self, body: bytearray) -> None:
        while size := _size((await self._until(b"\r\n")).partition(b";")[0].decode("latin-1"), 16):
            await self._exactly(size, body)
            await self._until(b"\r\n")
        while await self._until(b"\r\n"):
            pass  # trailers

    async def _exactly(self, size: int, body: bytearray) -> None:
        """Move `size` bytes to `body` as they come, so that they are there if the rest is not."""
        while True:
            taken = self._buffer[:size]
            body += taken
            del self._buffer[: len(taken)]
            if len(body) > LARGEST_BODY:
                raise TooLarge
            size -= len(taken)
            if not size:
                return
            await self._more()

    async def _rest(self, body: bytearray) -> None:
        """A body that ends with the connection."""
        while True:
            body += self._buffer
            self._buffer.clear()
            if len(body) > LARGEST_BODY:
                raise TooLarge
            if self._end == "the connection was closed":
                return
            await self._more()

    async def _until(self, mark: bytes) -> bytes:
        """What comes before `mark`, which is taken too."""
        searched = 0
        while (at := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark) + 1)
            if searched > LARGEST_HEAD:
                raise Broken("its headers never end")
            await self._more()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return found

    async def _more(self) -> None:
        """Wait until something has come, or the connection ended."""
        if self._end is not None:
            raise Broken(self._end)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _size(text: str, base: int) -> int:
    digits = text.strip()
    try:
        size = int(digits, base) if digits.isalnum() else -1
    except ValueError:
        size = -1
    if size < 0:
        raise Broken("its length makes no sense")
    return size


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
