"""Model calls over HTTP: once each, never retried, never redirected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from windtunnel.domain.calls import Denied, Ok, Request, Transient, Verdict
from windtunnel.domain.pool import Endpoint
from windtunnel.errors import ConfigError
from windtunnel.wire.classify import classify, succeeded
from windtunnel.wire.dial import Dialler, Route, Unreachable, route_to
from windtunnel.wire.dialects import Line, encode, line_to
from windtunnel.wire.http1 import LARGEST_BODY, Answer, Broken, TooLarge
from windtunnel.wire.replies import as_raw
from windtunnel.wire.scrub import Scrubber

_PRINTABLE_ASCII = range(0x20, 0x7F)


class HttpTransport:
    """Sends to any number of endpoints. `credentials` holds key reference → value.

    Use it as an async context manager, or `await close()`. A cancelled `send` hangs up, so that
    the server can stop too. Raises `ConfigError` for a credential that no header can carry.
    """

    def __init__(self, credentials: Mapping[str, str]) -> None:
        for reference, value in credentials.items():
            if not _fits_header(value):
                raise ConfigError(
                    f"{reference}: its value is empty or holds characters that no header can carry",
                    hint="check for line breaks or quotes around the key where it is set",
                )
        self._credentials = dict(credentials)
        self._scrubbers = {ref: Scrubber(value) for ref, value in credentials.items()}
        self._calls: dict[str, _Caller] = {}
        self._dialler = Dialler()

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
        self._dialler.close()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        """See `Transport.send`. The time limit covers connecting, waiting and the whole body."""
        try:
            caller = self._caller(endpoint)
        except KeyError:
            return Denied(f"no value is known for the key {endpoint.key}")
        except Unreachable as error:
            return Denied(error.reason)
        message = caller.message(request, f"{request.trial_id}/{request.turn}/{attempt}")
        return await self._exchange(caller, message, timeout_s)

    def _caller(self, endpoint: Endpoint) -> _Caller:
        caller = self._calls.get(endpoint.endpoint_id)
        if caller is None or (
            caller.endpoint is not endpoint and caller.endpoint != endpoint
        ):  # built anew where an endpoint has changed under its name
            key, scrubber = self._credentials[endpoint.key], self._scrubbers[endpoint.key]
            caller = self._calls[endpoint.endpoint_id] = _Caller(endpoint, key, scrubber)
        return caller

    async def _exchange(self, caller: _Caller, message: bytes, timeout_s: float) -> Verdict:
        answer = Answer()
        try:
            async with asyncio.timeout(timeout_s):
                await self._call(caller.route, message, answer)
            content = caller.scrubber.bytes(answer.content())
        except TooLarge:
            reason = f"HTTP {answer.status} with a body of more than {LARGEST_BODY >> 20} MiB"
            return Transient(reason, raw=_raw(answer, caller.scrubber))
        except TimeoutError:
            so_far = f"; HTTP {answer.status} and {len(answer.body)} bytes came"
            reason = f"no whole answer within {timeout_s:g} s" + (so_far if answer.status else "")
            return _cut_short(answer, caller.scrubber, reason)
        except Unreachable as error:
            return (Denied if error.hopeless else Transient)(error.reason)
        except Broken as error:
            so_far = f"HTTP {answer.status} broke off after {len(answer.body)} bytes"
            reason = f"{so_far if answer.status else 'no answer'}: {error}"
            return _cut_short(answer, caller.scrubber, reason)
        return classify(answer.status, answer.headers, content, time.time())

    async def _call(self, route: Route, message: bytes, answer: Answer) -> None:
        connection = await self._dialler.connection(route)
        try:
            await connection.exchange(message, answer)
        except BaseException:  # a cancelled call's too: nobody may read the rest of its answer
            self._dialler.drop(connection)
            raise
        if answer.reusable and connection.usable:
            self._dialler.keep(route, connection)
        else:
            self._dialler.drop(connection)


class _Caller:
    """All that calls to one endpoint share; the credential is in here and is never shown."""

    __slots__ = ("_head", "_line", "endpoint", "route", "scrubber")

    def __init__(self, endpoint: Endpoint, key: str, scrubber: Scrubber) -> None:
        self.endpoint = endpoint
        self.scrubber = scrubber
        self._line: Line = line_to(endpoint)
        self.route = route_to(self._line.url)
        name, prefix = self._line.credential
        fields = {
            "host": self.route.host_header,
            name: prefix + key,
            "content-type": "application/json",
            "accept": "application/json",
            "user-agent": "windtunnel",
        }
        if self.route.proxy_auth and not self.route.tunnelled:
            fields["proxy-authorization"] = self.route.proxy_auth
        lines = "".join(f"{field}: {value}\r\n" for field, value in fields.items())
        self._head = f"POST {self.route.target} HTTP/1.1\r\n{lines}"

    def message(self, request: Request, mark: str) -> bytes:
        """The whole request as it goes over the wire. `mark` names it in the provider's logs."""
        body = encode(self._line, request)
        return b"%sx-client-request-id: %s\r\ncontent-length: %d\r\n\r\n%s" % (
            self._head.encode("ascii"),
            mark.encode("ascii", "replace"),
            len(body),
            body,
        )


def _cut_short(answer: Answer, scrubber: Scrubber, reason: str) -> Verdict:
    """What came of a call that broke off. A reply that came whole before that is a reply."""
    raw = _raw(answer, scrubber)
    if raw:
        verdict = classify(answer.status, answer.headers, raw.encode(), time.time())
        if isinstance(verdict, Ok) and not verdict.reply.raw:
            return verdict
    return Transient(reason, raw=raw)


def _raw(answer: Answer, scrubber: Scrubber) -> str:
    """The start of a body that may have been paid for."""
    return as_raw(scrubber.bytes(bytes(answer.body))) if succeeded(answer.status) else ""


def _fits_header(value: str) -> bool:
    return bool(value) and all(ord(c) in _PRINTABLE_ASCII for c in value)
