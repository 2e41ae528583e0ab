"""A server on loopback that misbehaves on request, byte by byte."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from stormproof.domain.calls import Message, Request
from stormproof.domain.pool import Endpoint

Script = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as it came, and the connection to answer on."""

    head: str
    body: Any
    writer: asyncio.StreamWriter
    reader: asyncio.StreamReader

    @property
    def path(self) -> str:
        return self.head.split()[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines if line)
        return {name.lower(): value for name, _, value in pairs}

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, value: Any, **headers: str) -> None:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        named = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
        head = f"HTTP/1.1 {status} X\r\n{named}content-length: {len(body)}\r\n\r\n"
        await self.send(head.encode() + body)


@dataclass
class Loopback:
    """What the server saw. `closed` counts connections that the client gave up."""

    url: str = ""
    connections: int = 0
    closed: int = 0
    exchanges: list[Exchange] = field(default_factory=list)


async def _serve(
    seen: Loopback, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    seen.connections += 1
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            exchange = Exchange(head.decode(), None, writer, reader)
            size = int(exchange.headers.get("content-length", 0))
            exchange.body = msgspec.json.decode(await reader.readexactly(size)) if size else None
            seen.exchanges.append(exchange)
            await script(exchange)
            if writer.is_closing():
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        seen.closed += 1
    finally:
        writer.close()


@asynccontextmanager
async def _loopback(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    seen = Loopback()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_serve(seen, script, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    seen.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def loopback() -> Callable[..., Any]:
    return _loopback


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint(
        endpoint_id="model@key0",
        number=0,
        model="model",
        provider="p",
        dialect="openai",
        base_url="http://127.0.0.1:9",
        deployment="model",
        key="env:KEY",
    )


@pytest.fixture
def asked() -> Request:
    return Request("0123abcd", 4, "model", (Message("user", "hello"),))
