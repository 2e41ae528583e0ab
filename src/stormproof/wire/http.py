"""Model calls over HTTP: once each, never retried, never redirected.

On aiohttp: pyreqwest 0.15 costs less, but leaves a cancelled call running on its connection, where
it goes on holding quota. `benchmarks/client.py` has the figures.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientError,
    ClientHttpProxyError,
    ConnectionTimeoutError,
    InvalidURL,
    TCPConnector,
)
from aiohttp.http_exceptions import HttpProcessingError

from stormproof.domain.calls import Denied, Ok, Refused, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint
from stormproof.errors import ConfigError
from stormproof.wire.classify import classify, classify_head, succeeded
from stormproof.wire.connections import connector, is_address, proxy_for, shown
from stormproof.wire.dialects import encode, fixed_parts
from stormproof.wire.exchange import (
    CONNECT_TIMEOUT_S,
    LARGEST_BODY,
    SILENCE_S,
    Address,
    Received,
    Silent,
    TooLarge,
)
from stormproof.wire.replies import as_raw
from stormproof.wire.scrub import Scrubber

TRUST = "(SSL_CERT_FILE names the authorities to trust)"
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    "user-agent": "stormproof",
}
_OF_THE_ADDRESS = frozenset({404, 405, 410})
# Bytes of a body that is read on the loop; longer ones are read in a thread, so that nobody waits.
LARGEST_AT_ONCE = 131_072
_PRINTABLE_ASCII = range(0x20, 0x7F)


class HttpTransport:
    """Sends to any number of endpoints. `credentials` holds key reference → value.

    Use it as an async context manager, or `await close()`. A cancelled `send` hangs up, so that
    the server can stop too. A stream that says nothing for `silence_s` after it has begun is
    broken off. Raises `ConfigError` for a credential that no header can carry.
    """

    def __init__(self, credentials: Mapping[str, str], *, silence_s: float = SILENCE_S) -> None:
        for reference, value in credentials.items():
            if not value or any(ord(c) not in _PRINTABLE_ASCII for c in value):
                raise ConfigError(
                    f"{reference}: its value is empty or holds characters that no header can carry",
                    hint="check for line breaks or quotes around the key where it is set",
                )
        self._silence_s = silence_s
        self._credentials = dict(credentials)  # values fit for a header; never shown
        # By endpoint id, each of the endpoint as it was last sent to; grows to the pool's size.
        self._callers: dict[str, _Caller] = {}
        # Made by the first call, as it needs the running loop; then the same for all callers.
        self._connector: TCPConnector | None = None

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
        """Hang up everywhere."""
        await self.close()

    async def close(self) -> None:
        """Hang up everywhere; calls under way end as `Transient`."""
        if self._connector is not None:
            await self._connector.close()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """See `Transport.send`. The time limit covers connecting, waiting and the whole body."""
        caller = self._callers.get(endpoint.endpoint_id)
        if caller is None or (caller.endpoint is not endpoint and caller.endpoint != endpoint):
            if unknown := set(endpoint.references) - self._credentials.keys():
                return Denied(f"no value is known for {', '.join(sorted(unknown))}")
            caller = self._caller(endpoint)
        if caller.address is None:
            return Denied("its address (or its proxy's) is not an http(s) one")
        received = _Received(caller, self._silence_s)
        body = encode(caller.fixed, request)
        mark = f"{request.trial_id}/{request.turn}/{attempt}"
        judge = received.verdict
        try:
            async with asyncio.timeout(timeout_s) as limit:
                await caller.address.post(mark, body, received)
        except TooLarge:
            judge = received.too_large
        except Silent:
            silence = f"the stream fell silent for {self._silence_s:g} s"
            judge = partial(received.cut_short, silence)
        except (ClientError, HttpProcessingError, OSError) as error:
            # Not every TimeoutError is ours: the connector's own is one too.
            judge = (
                partial(received.cut_short, f"no whole answer within {timeout_s:g} s")
                if limit.expired()
                else partial(_failed, error, received)
            )
        if received.size <= LARGEST_AT_ONCE:
            return judge()
        return await asyncio.to_thread(judge)

    def _caller(self, endpoint: Endpoint) -> _Caller:
        if self._connector is None:
            self._connector = connector()
        caller = _Caller(endpoint, self._credentials, self._connector)
        self._callers[endpoint.endpoint_id] = caller
        return caller


class _Caller:
    """All that calls to one endpoint share; the credentials are in here and are never shown."""

    __slots__ = ("address", "endpoint", "fixed", "scrubber")

    def __init__(
        self, endpoint: Endpoint, credentials: Mapping[str, str], connector: TCPConnector
    ) -> None:
        self.endpoint = endpoint
        self.fixed = fixed_parts(endpoint, credentials)
        # None for good where the endpoint's address or its proxy's is none that can be called.
        self.address: Address | None = None
        url = self.fixed.url
        proxy = proxy_for(url) if is_address(url) else None
        values = [credentials[reference] for reference in endpoint.references]
        self.scrubber = Scrubber([*values, *_secrets_in(proxy or "")])
        if is_address(url) and (proxy is None or is_address(proxy)):
            self.address = Address(connector, url, _HEADERS | self.fixed.headers, proxy)


def _secrets_in(proxy: str) -> Iterator[str]:
    """The password in a proxy's address, alone and as it is sent: with its user, in base64."""
    user, _, password = urlsplit(proxy).netloc.rpartition("@")[0].partition(":")
    if password:
        yield unquote(password)
        yield f"{unquote(user)}:{unquote(password)}"


class _Received(Received):
    """An answer, whole or not, and what to make of it; what it holds of keys is taken out first."""

    __slots__ = ("_caller",)

    def __init__(self, caller: _Caller, silence_s: float) -> None:
        super().__init__(silence_s)
        self._caller = caller

    def get(self, name: str, /) -> str | None:
        """A header without keys."""
        value = self.headers.get(name)
        return None if value is None else self._caller.scrubber.text(value)

    def __iter__(self) -> Iterator[str]:
        """The headers' names."""
        return iter(self.headers)

    @property
    def address(self) -> str:
        """What was called, for a person to read."""
        return self._caller.scrubber.text(shown(self._caller.fixed.url))

    def verdict(self) -> Verdict:
        """On an answer that came whole; where the address may be at fault it is named."""
        if not self.is_whole:
            return self.cut_short("the stream ended before its reply did")
        body = self._caller.scrubber.body(self.body())
        verdict = classify(self.status, self, body, time.time())
        if isinstance(verdict, Denied) and self.status in _OF_THE_ADDRESS:
            return Denied(f"{verdict.reason} (asked at {self.address})")
        return verdict

    def too_large(self) -> Verdict:
        """More than is taken: of an error its head says enough."""
        size = f"a body of more than {LARGEST_BODY >> 20} MiB"
        if not succeeded(self.status):
            return classify_head(self.status, self, size, time.time())
        return Transient(f"HTTP {self.status} with {size}", raw=self._raw(), paid=True)

    def cut_short(self, reason: str) -> Verdict:
        """A call that broke off. A reply that came whole before that is a reply.

        So is the head of a refusal one; of other errors another attempt may say more.
        """
        if self.status and not succeeded(self.status):
            verdict = classify_head(self.status, self, reason, time.time())
            if isinstance(verdict, Refused):
                return verdict
        if self.status:
            reason += f"; HTTP {self.status} and {self.size} bytes came"
        raw = self._raw()
        if raw and self.is_whole:
            verdict = classify(self.status, {}, raw.encode(), time.time())
            if isinstance(verdict, Ok) and not verdict.reply.raw:
                return verdict
        return Transient(reason, raw=raw, paid=succeeded(self.status))

    def _raw(self) -> str:
        """The start of a body that may have been paid for."""
        if not succeeded(self.status):
            return ""
        return as_raw(self._caller.scrubber.body(self.body()))

    def unreached(self, why: str) -> Transient:
        """There is nobody to talk to."""
        host = urlsplit(self.address).netloc
        return Transient(f"cannot connect to {host}: {why}", unreached=True)


def _failed(error: Exception, received: _Received) -> Verdict:
    """Why there is no whole answer, in our words; the library's may hold the address."""
    if isinstance(error, ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "") or "it does not check out"
        return Denied(f"its certificate cannot be trusted: {why} {TRUST}")
    if isinstance(error, InvalidURL):
        return Denied("its address (or its proxy's) is not an http(s) one")
    if isinstance(error, ConnectionTimeoutError):
        return received.unreached(f"nothing within {CONNECT_TIMEOUT_S:g} s")
    if isinstance(error, ClientHttpProxyError):
        return received.unreached(f"the proxy answered HTTP {error.status}")
    if isinstance(error, ClientConnectorError):
        number = error.os_error.errno
        words = os.strerror(number) if number and number > 0 else "its name is not known"
        return received.unreached(words)
    return received.cut_short("the answer broke off" if received.status else "no answer")
