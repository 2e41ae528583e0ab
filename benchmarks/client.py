"""CPU per model call at 200 in flight: our transport against bare clients, one JSON line each.

The bare ones only post bytes and read bytes; ours also encodes the history, classifies and reads
the reply. aiohttp is measured where it happens to be installed. The server is a process of its
own, so that its CPU is not counted.

    python benchmarks/client.py [calls]
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from pyreqwest.client import ClientBuilder

from stormproof.domain.calls import Message, Ok, Request
from stormproof.domain.pool import Endpoint
from stormproof.wire import HttpTransport
from stormproof.wire.dialects import encode, fixed_parts

IN_FLIGHT = 200
CALLS = 10_000
DELAY_S = 0.05
REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "model-2024-07-18",
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "<tool_call>x</tool_call> " * 20},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020},
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: 0123456789\r\n"
    b"x-ratelimit-limit-requests: 5000\r\nx-ratelimit-remaining-requests: 4999\r\n"
    b"x-ratelimit-limit-tokens: 800000\r\nx-ratelimit-remaining-tokens: 799000\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(REPLY), REPLY)
)
# A conversation in its fifth turn, about 6 kB.
MESSAGES = (
    Message("system", "You are an agent with tools. " * 60),
    *(Message("user" if n % 2 else "assistant", "observation " * 40) for n in range(9)),
)
REQUEST = Request("0123456789abcdef", 4, "model", MESSAGES, seed=7)
Call = Callable[[], Awaitable[Any]]


class _Served(asyncio.Protocol):
    """Answers each whole request after a fixed delay."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0] or 0)
        if end and len(body) >= size:
            self._got = b""
            asyncio.get_running_loop().call_later(DELAY_S, self._transport.write, ANSWER)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Served, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _cpu_ms(call: Call, calls: int) -> float:
    """CPU milliseconds of this process per call, all threads, with IN_FLIGHT at once."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await call()

    async def round_of(count: int) -> None:
        await asyncio.gather(*(worker(count) for _ in range(IN_FLIGHT)))

    await round_of(3)
    started = time.process_time()
    each = max(1, calls // IN_FLIGHT)
    await round_of(each)
    return (time.process_time() - started) / (each * IN_FLIGHT) * 1000


async def _measure(url: str, calls: int) -> dict[str, float]:
    endpoint = Endpoint("e", 0, "model", "p", "openai", url, "model", "env:KEY")
    body, url = encode(fixed_parts(endpoint, {}), REQUEST), fixed_parts(endpoint, {}).url
    headers = {"authorization": "Bearer sk-0123456789", "content-type": "application/json"}
    figures: dict[str, float] = {}

    async with HttpTransport({"env:KEY": "sk-0123456789"}) as transport:

        async def ours() -> None:
            verdict = await transport.send(endpoint, REQUEST, timeout_s=60)
            assert isinstance(verdict, Ok), verdict  # noqa: S101  a benchmark may stop short

        figures["ours"] = await _cpu_ms(ours, calls)

    async with ClientBuilder().build() as client:

        async def bare() -> None:
            post = client.post(url).headers(headers).body_bytes(body)
            await (await post.build().send()).bytes()

        figures["pyreqwest"] = await _cpu_ms(bare, calls)

    with contextlib.suppress(ImportError):
        figures["aiohttp"] = await _cpu_aiohttp(url, headers, body, calls)
    return figures


async def _cpu_aiohttp(url: str, headers: dict[str, str], body: bytes, calls: int) -> float:
    aiohttp = importlib.import_module("aiohttp")  # not a dependency of ours
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def bare() -> None:
            async with session.post(url, headers=headers, data=body) as response:
                await response.read()

        return await _cpu_ms(bare, calls)


def main() -> None:
    """Start the server, measure, print."""
    if sys.argv[1:] == ["serve"]:
        uvloop.run(_serve())
        return
    calls = int(sys.argv[1]) if sys.argv[1:] else CALLS
    with subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE) as server:
        try:
            port = int(server.stdout.readline()) if server.stdout else 0
            figures = uvloop.run(_measure(f"http://127.0.0.1:{port}", calls))
        finally:
            server.kill()
    for client, cpu_ms in figures.items():
        figure = {
            "figure": "client_cpu_per_call_ms",
            "client": client,
            "value": round(cpu_ms, 4),
            "in_flight": IN_FLIGHT,
            "ratio_to_bare_pyreqwest": round(cpu_ms / figures["pyreqwest"], 2),
        }
        print(json.dumps(figure))


if __name__ == "__main__":
    main()
