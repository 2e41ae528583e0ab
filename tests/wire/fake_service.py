"""A service on loopback that answers as its script says, down to the byte.

    async def busy(exchange: Exchange) -> None:
        await exchange.answer(429, {"error": {"message": "Try later."}}, retry_after="2")

    async with FakeService(in_turn(busy, talks)) as service:
        ...  # ask service.url; then look at service.exchanges

A script may wait before it answers, answer in pieces, hang, drop the connection or reset it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import msgspec

Script = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as it came, and the ways to answer it. `body` is decoded JSON."""

    head: str
    body: Any
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def path(self) -> str:
        return self.head.split()[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines if line)
        return {name.lower(): value for name, _, value in pairs}

    async def answer(self, status: int, value: Any, **headers: str) -> None:
        """A whole answer; bytes go out as they are, all else as JSON."""
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        named = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        head = f"HTTP/1.1 {status} X\r\n{named}content-length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + body)

    async def send(self, data: bytes) -> None:
        """Bytes as they are, no faster than the client reads."""
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self) -> None:
        """Say nothing until the client leaves."""
        await self.reader.readexactly(1)

    def drop(self) -> None:
        """End the connection in peace."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection at once, whatever is under way."""
        self.writer.transport.abort()


def in_turn(*scripts: Script) -> Script:
    """The n-th request gets the n-th script; the last one serves all that follow."""
    left = list(scripts)

    async def script(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return script


class FakeService:
    """Listens while the block runs, and keeps what it saw."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.url = ""
        self.connections = 0
        self.closed = 0  # connections that the client ended
        self.exchanges: list[Exchange] = []
        self._script = script
        self._tls = tls
        self._clients: set[asyncio.Task[None]] = set()  # one for each open connection

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        scheme = "https" if self._tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                exchange = Exchange(head, None, reader, writer)
                size = int(exchange.headers.get("content-length", 0))
                if size:
                    exchange.body = msgspec.json.decode(await reader.readexactly(size))
                self.exchanges.append(exchange)
                await self._script(exchange)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed += 1
        finally:
            writer.close()
