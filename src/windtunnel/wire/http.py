"""Model calls over HTTP, on pyreqwest: once each, never retried, never redirected.

Measured against the installed pyreqwest: TLS is checked against the system's store or
SSL_CERT_FILE, proxies come from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, a cancelled task
closes its connection, a call's time limit covers its body too, and connections are reused.
`tests/wire` holds each of these.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    DetailedPyreqwestError,
    RequestTimeoutError,
)
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from windtunnel.domain.calls import Denied, Ok, Request, Transient, Verdict
from windtunnel.domain.pool import Endpoint
from windtunnel.errors import ConfigError
from windtunnel.wire.classify import classify, succeeded
from windtunnel.wire.dialects import Line, encode, line_to
from windtunnel.wire.replies import as_raw
from windtunnel.wire.scrub import Scrubber

CONNECT_TIMEOUT_S = 15.0
LARGEST_BODY = 4 * 2**20  # bytes; 200 slots full of these still fit a small machine

_PRINTABLE_ASCII = range(0x20, 0x7F)


class HttpTransport:
    """Sends to any number of endpoints. `credentials` holds key reference → value.

    Use it as an async context manager, or `await close()`. Raises `ConfigError` for a credential
    that no header can carry.
    """

    def __init__(self, credentials: Mapping[str, str]) -> None:
        for reference, value in credentials.items():
            if not value or any(ord(c) not in _PRINTABLE_ASCII for c in value):
                raise ConfigError(
                    f"{reference}: its value is empty or holds characters that no header can carry",
                    hint="check for line breaks or quotes around the key where it is set",
                )
        self._credentials = dict(credentials)
        self._scrubbers = {ref: Scrubber(value) for ref, value in credentials.items()}
        self._lines: dict[str, Line] = {}
        self._far = _build(proxied=True)
        self._near = _build(proxied=False)

    def __repr__(self) -> str:
        return f"HttpTransport({len(self._credentials)} credentials)"

    async def __aenter__(self) -> Self:
        """Nothing to open: connections come with the first call."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self.close()

    async def close(self) -> None:
        """Close all connections; calls under way end as `Transient`."""
        await self._far.close()
        await self._near.close()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """See `Transport.send`. The time limit covers connecting, waiting and the whole body."""
        if endpoint.key not in self._credentials:
            return Denied(f"no value is known for the key {endpoint.key}")
        mark = f"{request.trial_id}/{request.turn}/{attempt}"
        try:
            call = self._call(self._line(endpoint), request, mark, timeout_s)
        except (BuilderError, ValueError):  # their texts may hold what was put into the request
            return Denied("its address is not one that can be called")
        return await _exchange(call, self._scrubbers[endpoint.key], timeout_s)

    def _line(self, endpoint: Endpoint) -> Line:
        line = self._lines.get(endpoint.endpoint_id)
        if line is None or (line.endpoint is not endpoint and line.endpoint != endpoint):
            line = self._lines[endpoint.endpoint_id] = line_to(endpoint)
        return line

    def _call(self, line: Line, request: Request, mark: str, timeout_s: float) -> RequestBuilder:
        client = self._near if _is_loopback(line.url) else self._far
        name, prefix = line.credential
        return (
            client.post(line.url)
            .header(name, prefix + self._credentials[line.endpoint.key], is_sensitive=True)
            .header("content-type", "application/json")
            .header("x-client-request-id", mark)
            .timeout(timedelta(seconds=timeout_s))
            # Unbuffered, so that what was paid for is still there when the rest never comes.
            .streamed_read_buffer_limit(0)
            .body_bytes(encode(line, request))
        )


def _build(*, proxied: bool) -> Client:
    builder = (
        ClientBuilder()
        .user_agent("windtunnel")
        .follow_redirects(enable=False)
        .referer(enable=False)
        .connect_timeout(timedelta(seconds=CONNECT_TIMEOUT_S))
        .tcp_keepalive(timedelta(seconds=30))
    )
    return (builder if proxied else builder.no_proxy()).build()


def _is_loopback(url: str) -> bool:
    """This machine's own servers are never asked for through a proxy."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _exchange(call: RequestBuilder, scrubber: Scrubber, timeout_s: float) -> Verdict:
    status, received = 0, bytearray()
    try:
        async with call.build_streamed() as response:
            status = response.status
            whole = await _read(response, received)
            body = scrubber.bytes(bytes(received))
            if whole:
                return classify(status, response.headers, body, time.time())
            reason = f"HTTP {status} with a body of more than {LARGEST_BODY >> 20} MiB"
            return Transient(reason, raw=as_raw(body) if succeeded(status) else "")
    except DetailedPyreqwestError as error:
        reason = scrubber.text(_broken(error, status, len(received), timeout_s))
    return _cut_short(status, scrubber.bytes(bytes(received)), reason)


async def _read(response: Response, body: bytearray) -> bool:
    """Fill `body` from the response; False when it is larger than is taken."""
    reader = response.body_reader
    while (chunk := await reader.read_chunk()) is not None:
        body += memoryview(chunk)
        if len(body) > LARGEST_BODY:
            return False
    return True


def _cut_short(status: int, body: bytes, reason: str) -> Verdict:
    """What came of a call that broke off. A reply that came whole before that is a reply."""
    if "certificate" in reason:
        return Denied(f"{reason} (SSL_CERT_FILE names the authorities to trust)")
    if not succeeded(status):
        return Transient(reason)
    verdict = classify(status, {}, body, 0)
    if isinstance(verdict, Ok) and not verdict.reply.raw:
        return verdict
    return Transient(reason, raw=as_raw(body))


def _broken(error: DetailedPyreqwestError, status: int, received: int, timeout_s: float) -> str:
    """Why there was no whole answer, in our words; the library's hold the address."""
    causes = [cause["message"] for cause in error.details.get("causes") or ()]
    if isinstance(error, RequestTimeoutError):
        if isinstance(error, ConnectTimeoutError) and "tcp connect error" in causes:
            return f"no connection within {min(CONNECT_TIMEOUT_S, timeout_s):g} s"
        so_far = f"; HTTP {status} and {received} bytes came" if status else ""
        return f"no whole answer within {timeout_s:g} s{so_far}"
    last = causes[-1] if causes else str(error.message)
    if status:
        return f"HTTP {status} broke off after {received} bytes: {last}"
    opening = isinstance(error, ConnectError) and any("(Connect)" in c for c in causes)
    return f"cannot connect: {last}" if opening else f"no answer: {last}"
