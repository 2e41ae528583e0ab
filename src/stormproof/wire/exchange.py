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
    TCPConnector,
)
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

CONNECT_TIMEOUT_S = 15.0
LARGEST_BODY = 4 * 2**20  # bytes; 200 slots full of these still fit a small machine
_TIMEOUT = ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)


class TooLarge(Exception):
    """The body is larger than LARGEST_BODY; the connection has been closed."""


class Received:
    """What has come of an answer so far; it outlives the call that was filling it."""

    __slots__ = ("body", "status")

    def __init__(self) -> None:
        self.status = 0  # 0 until the head of the final answer has come; then set once, by `post`
        self.body = bytearray()  # only grows; empty while `status` is 0; at most a part too large


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

    async def post(self, mark: str, body: bytes, received: Received) -> CIMultiDictProxy[str]:
        """Send `body` once, marked; fill `received`; give the answer's headers.

        Raises `TooLarge`, aiohttp's `ClientError` and `HttpProcessingError`, and `OSError`. The
        connection is used again only when the whole answer has been read.
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
            received.status = message.code
            while not content.is_eof():
                _take(await content.readany(), received)
            _take(content.read_nowait(), received)
        except BaseException:
            connection.close()
            raise
        connection.release()
        headers: CIMultiDictProxy[str] = message.headers
        return headers

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


def _open(connection: Connection) -> tuple[ResponseHandler, asyncio.Transport]:
    protocol, wire = connection.protocol, connection.transport
    if protocol is None or wire is None or wire.is_closing():
        raise ClientConnectionResetError
    return protocol, wire


def _take(part: bytes, received: Received) -> None:
    received.body += part
    if len(received.body) > LARGEST_BODY:
        raise TooLarge
