"""The emulator's requests: who asks, for which endpoint, what its limits and faults make of it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from stormproof.domain.calls import Reply, Request
from stormproof.domain.pool import Endpoint, LimitGroup
from stormproof.emulator import dialect
from stormproof.emulator.credentials import emulated_key
from stormproof.emulator.http11 import Exchange
from stormproof.emulator.limits import Gate, gates_of
from stormproof.emulator.options import EmulatorOptions
from stormproof.emulator.served import Served
from stormproof.emulator.visit import Visit

Responder = Callable[[Request], Reply]
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_JSON = msgspec.json.Encoder(enc_hook=dict).encode


class Route:
    """What one path serves: the endpoints of a provider, or of one deployment, by key."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.by_key: dict[str, dict[str, Served]] = {}

    def add(self, key: str, served: Served) -> None:
        """Endpoints with the same key are told apart by their deployment."""
        self.by_key.setdefault(key, {})[served.endpoint.deployment] = served


class Emulator:
    """Every endpoint, the clock that they share, and the count of what was paid for."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        respond: Responder,
        options: EmulatorOptions | None = None,
        *,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        self.options = options or EmulatorOptions()
        self.paid: dict[str, int] = {}
        self._respond = respond
        self._hosts = _LOCAL_NAMES | {host.lower() for host in allowed_hosts}
        self._loop = asyncio.get_running_loop()
        self._first_at: float | None = None
        self._sequence = 0
        shared = _shared_gates(endpoints)
        self.served = {
            e.endpoint_id: Served(e, self.options, [g for s in e.groups for g in shared[s.name]])
            for e in endpoints
        }
        self._chats: dict[str, Route] = {}
        self._lists: dict[str, list[Endpoint]] = {}
        for served in self.served.values():
            self._add(served)

    def now(self) -> float:
        """Seconds since the first chat request, 0 before it."""
        return 0.0 if self._first_at is None else self._loop.time() - self._first_at

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, or begin to."""
        request = exchange.request
        if not self._is_for_us(request.headers.get("host", "")):
            exchange.answer(421, dialect.error("host", "This host name is not served here."))
            return
        path = unquote(request.path) if "%" in request.path else request.path
        if route := self._chats.get(path):
            if request.method == "POST":
                self._chat(exchange, route)
            else:
                exchange.answer(405, dialect.error("method", "POST it."), {"allow": "POST"})
        elif path in self._lists:
            exchange.answer(200, dialect.models(self._lists[path]))
        elif path.startswith("/_emulator/"):
            self._answer_about_itself(exchange, path.removeprefix("/_emulator/"))
        else:
            exchange.answer(404, dialect.error("404", "Resource not found."))

    def stats(self, until_s: float | None = None) -> dict[str, Any]:
        """What each endpoint has seen, and which (trial, turn) pairs were answered repeatedly.

        What the limits would have admitted is reckoned to `until_s`, else to now.
        """
        now = self.now() if until_s is None else until_s
        repeats = {turn: count for turn, count in self.paid.items() if count > 1}
        return {
            "now_s": now,
            "endpoints": {name: s.snapshot(now) for name, s in self.served.items()},
            "answered_turns": len(self.paid),
            "repeated_answers": sum(repeats.values()) - len(repeats),
            "repeats": repeats,
        }

    def _add(self, served: Served) -> None:
        endpoint = served.endpoint
        base = f"/{endpoint.provider}"
        azure = endpoint.dialect == "azure"
        inner = f"/openai/deployments/{endpoint.deployment}" if azure else "/v1"
        for path in (base + inner, base) if not azure else (base + inner,):
            route = self._chats.setdefault(f"{path}/chat/completions", Route(endpoint.dialect))
            route.add(emulated_key(endpoint.key), served)
        for path in (
            (f"{base}/openai/models",) if azure else (f"{base}/v1/models", f"{base}/models")
        ):
            self._lists.setdefault(path, []).append(endpoint)

    def _is_for_us(self, host: str) -> bool:
        """Loopback names, allowed names, and addresses: a rebound DNS name is none of these."""
        name = host.lower()
        name = name if name.endswith("]") else name.rpartition(":")[0] or name
        return name in self._hosts or _is_address(name)

    def _chat(self, exchange: Exchange, route: Route) -> None:
        if self._first_at is None:
            self._first_at = self._loop.time()
        now = self.now()
        by_deployment = _authenticated(exchange, route)
        if by_deployment is None:
            exchange.answer(401, dialect.denied(route.dialect))
            return
        try:
            chat = dialect.read_chat(exchange.request.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            exchange.answer(400, dialect.error("invalid_request", str(error)))
            return
        served = _served(by_deployment, chat.model, route.dialect)
        if served is None:
            exchange.answer(404, dialect.gone(route.dialect, chat.model))
        elif chat.stream:
            exchange.answer(400, dialect.error("stream", "Streaming is not emulated."))
        elif not self._is_barred(exchange, served, now):
            self._admit(exchange, served, chat, now)

    def _is_barred(self, exchange: Exchange, served: Served, now: float) -> bool:
        """Answer what no waiting helps: a revoked key, a deployment gone, a quota used up."""
        served.tally.first_at_s = min(served.tally.first_at_s, now)
        behaviour, kind = served.behaviour, served.endpoint.dialect
        if now >= behaviour.revoked_at_s:
            served.tally.refused["revoked"] += 1
            exchange.answer(401, dialect.denied(kind))
        elif now >= behaviour.gone_at_s:
            served.tally.refused["gone"] += 1
            exchange.answer(404, dialect.gone(kind, served.endpoint.deployment))
        elif now >= behaviour.exhausted_at_s:
            served.tally.refused["exhausted"] += 1
            exchange.answer(429, dialect.exhausted())
        else:
            return False
        return True

    def _admit(
        self, exchange: Exchange, served: Served, chat: dialect.ChatRequest, now: float
    ) -> None:
        visit = Visit(self, served, exchange, now)
        if (kind := served.outage(now)) is not None:
            served.tally.faults[f"outage {kind}"] += 1
            visit.fail(kind, None)
            return
        request_id = exchange.request.headers.get("x-client-request-id", "")
        request = dialect.as_request(chat, served.endpoint.model, request_id)
        reply = self._respond(request) if served.needs_tokens else None
        refusal = served.refusal(now, _tokens(reply))
        if refusal is not None:
            served.tally.refused[refusal.cause] += 1
            visit.refuse(refusal)
            return
        reply = reply or self._respond(request)
        served.admit(now, _tokens(reply))
        visit.reply(reply, request_id.rpartition("/")[0])

    def answer_id(self) -> str:
        """A new one for each answer."""
        self._sequence += 1
        return f"chatcmpl-emulated-{self._sequence}"

    def _answer_about_itself(self, exchange: Exchange, what: str) -> None:
        method = exchange.request.method
        if what == "stats" and method == "GET":
            exchange.answer(200, _JSON(self.stats(_until(exchange.request.query))))
        elif what == "rules" and method == "POST":
            self._take_rules(exchange)
        else:
            exchange.answer(404, dialect.error("404", "GET stats, POST rules"))

    def _take_rules(self, exchange: Exchange) -> None:
        """New options from now on; a page of another origin cannot send this content type."""
        if exchange.request.headers.get("content-type") != "application/json":
            exchange.answer(415, dialect.error("invalid_request", "Send application/json."))
            return
        try:
            options = msgspec.json.decode(exchange.request.body, type=EmulatorOptions)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            exchange.answer(400, dialect.error("invalid_request", str(error)))
            return
        self.options = options
        for name, served in self.served.items():
            served.options = options
            served.behave(options.behaviour(name, served.endpoint.limits))
        exchange.answer(200, b"{}")


def _shared_gates(endpoints: Sequence[Endpoint]) -> dict[str, list[Gate]]:
    groups: dict[str, LimitGroup] = {g.name: g for e in endpoints for g in e.groups}
    return {n: gates_of(g.limits, burst_s=1.0, window_s=0.0) for n, g in groups.items()}


def _authenticated(exchange: Exchange, route: Route) -> dict[str, Served] | None:
    headers = exchange.request.headers
    if route.dialect == "azure":
        given = headers.get("api-key", "")
    else:
        given = headers.get("authorization", "").removeprefix("Bearer ")
    return route.by_key.get(given)


def _served(by_deployment: dict[str, Served], model: str, kind: str) -> Served | None:
    """Azure names the deployment in the path, OpenAI in the body."""
    if kind == "azure":
        return next(iter(by_deployment.values()), None)
    return by_deployment.get(model)


def _tokens(reply: Reply | None) -> int:
    return reply.usage.prompt_tokens + reply.usage.completion_tokens if reply else 0


def _until(query: str) -> float | None:
    """`until=SECONDS` of the emulator's clock; anything else means now."""
    name, _, value = query.partition("=")
    with contextlib.suppress(ValueError):
        return float(value) if name == "until" else None
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
