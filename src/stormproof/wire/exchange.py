"""One POST and its answer over aiohttp's pooled connections, without its session.

Connecting (TLS, proxies, reuse) is the connector's, reading is its parser's. What `ClientSession`
does beside is the same for every call to an address and is done once here: the URL, the headers,
the choice of a proxy. It has no redirects, cookies or retries that could carry a key elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus

from aiohttp import (
    ClientConnectionResetError,
    ClientRequest,
    ClientTimeout,
    ConnectionTimeoutError,
    StreamReader,
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from stormproof.wire.event_stream import begins_stream
from stormproof.wire.headers import Headers
from stormproof.wire.streamed_reply import StreamedReply

CONNECT_TIMEOUT_S = 15.0
LARGEST_BODY = 4 * 2**20  # bytes; 200 slots full of these still fit a small machine
SILENCE_S = 90.0  # in a stream in which the model has begun to speak
_FAREWELL_S = 1.0  # for the end of the body behind a stream's end mark
_TIMEOUT = ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)


class TooLarge(Exception):
    """The body is larger than LARGEST_BODY; the connection has been closed."""


class Silent(Exception):
    """A stream said nothing for SILENCE_S; the connection has been closed."""


class Received:
    """What has come of an answer so far; it outlives the call that was filling it.

    A stream is put together as it comes, so that what it takes is the reply's size.
    """

    __slots__ = ("_plain", "content_type", "headers", "silence_s", "status", "stream")

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self.silence_s = silence_s
        # 0, none and "" until the head of the final answer has come; then set once, by `post`.
        self.status = 0
        self.headers: Headers = {}
        self.content_type = ""
        self._plain = bytearray()  # only grows; stays empty where there is a stream
        # None where the body is no stream of events; set once, by the first part that says so.
        self.stream: StreamedReply | None = None

    @property
    def size(self) -> int:
        """Bytes that are held, about; more than LARGEST_BODY only of the last part."""
        return self.stream.held if self.stream else len(self._plain)

    @property
    def is_whole(self) -> bool:
        """Whether a reply is whole where the answer is; a stream may end before its reply."""
        return self.stream is None or self.stream.is_whole

    @property
    def patience_s(self) -> float | None:
        """How long the next part may take; None where only the whole call is limited."""
        if self.stream is None or not self.stream.has_begun:
            return None
        return _FAREWELL_S if self.stream.is_done else self.silence_s

    def take(self, part: bytes) -> None:
        """Add what has come."""
        if self.stream is None and not self._plain and begins_stream(part, self.content_type):
            self.stream = StreamedReply()
        if self.stream is not None:
            self.stream.feed(part)
        else:
            self._plain += part
        if self.size > LARGEST_BODY:
            raise TooLarge

    def body(self) -> bytes:
        """The body; of a stream the one that would have come without streaming."""
        return bytes(self._plain) if self.stream is None else self.stream.body()


class Address:
    """Where to post, with the headers of every call. Must be made in a running loop."""

    def __init__(
        self, connector: TCPConnector, url: str, headers: Mapping[str, str], proxy: str | None
    ) -> None:
        self._connector = connector
        self._target = _Target(
            "POST",
            URL(url, encoded=True),
            headers=CIMultiDict(headers),
            proxy=None if proxy is None else URL(proxy),
            loop=asyncio.get_running_loop(),
        )

    async def post(self, mark: str, body: bytes, received: Received) -> None:
        """Send `body` once, marked; fill `received`.

        Raises `TooLarge`, `Silent`, aiohttp's `ClientError` and `HttpProcessingError`, and
        `OSError`. The connection is used again only when the whole answer has been read.
        """
        try:
            connection = await self._connector.connect(self._target, [], _TIMEOUT)
        except TimeoutError as error:
            raise ConnectionTimeoutError from error
        try:
            protocol, wire = _open(connection)
            protocol.set_response_params(read_until_eof=True)
            size = len(body)
            wire.write(self._head + f"{mark}\r\ncontent-length: {size}\r\n\r\n".encode() + body)
            message, content = await protocol.read()
            while message.code in _INTERIM:
                message, content = await protocol.read()
            received.status, received.headers = message.code, message.headers
            received.content_type = message.headers.get("content-type", "").lower()
            while not content.is_eof():
                try:
                    received.take(await _next_part(content, received.patience_s))
                except TimeoutError:
                    if received.stream and received.stream.is_done:
                        connection.close()
                        return
                    raise Silent from None
            received.take(content.read_nowait())
        except BaseException:
            connection.close()
            raise
        connection.release()

    @cached_property
    def _head(self) -> bytes:
        """Up to the call's own mark. To be asked after connecting, which may add headers."""
        target = self._target
        through = target.proxy is not None and not target.is_ssl()
        path = str(target.url) if through else target.url.raw_path_qs
        headers = (f"{k}: {v}\r\n" for k, v in target.headers.items() if k not in _PER_CALL)
        return f"POST {path} HTTP/1.1\r\n{''.join(headers)}x-client-request-id: ".encode()


# A final answer; 101 is one, though nobody asked to switch protocols.
_INTERIM = frozenset(range(HTTPStatus.CONTINUE, HTTPStatus.OK)) - {HTTPStatus.SWITCHING_PROTOCOLS}
_PER_CALL = frozenset({"Content-Length"})


class _Target(ClientRequest):
    """What the connector wants to know of an address."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        """Which connections fit."""
        return super().connection_key


async def _next_part(content: StreamReader, patience_s: float | None) -> bytes:
    if patience_s is None:
        return await content.readany()
    async with asyncio.timeout(patience_s):
        return await content.readany()


def _open(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    protocol, wire = connection.protocol, connection.transport
    if protocol is None or wire is None or wire.is_closing():
        raise ClientConnectionResetError
    return protocol, wire
