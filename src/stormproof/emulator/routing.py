"""Which endpoint a request is for: hosts, paths, keys, and what is said where there is none."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from stormproof.domain.calls import Reply, Request
from stormproof.domain.pool import Dialect, Endpoint, LimitGroup
from stormproof.emulator import chat_completions, refusals
from stormproof.emulator.behaviour import EmulatorOptions
from stormproof.emulator.emulated_endpoint import EmulatedEndpoint
from stormproof.emulator.emulation import emulated_key
from stormproof.emulator.http11 import Exchange
from stormproof.emulator.limits import EnforcedLimit, enforced_limits
from stormproof.emulator.request_in_flight import AnsweredTurns, RequestInFlight

AnswerTo = Callable[[Request], Reply]
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_JSON = msgspec.json.Encoder(enc_hook=dict).encode


class ChatRoute:
    """What one path leads to: the endpoints of a provider, or of one deployment, by key."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        # Key as it is sent → deployment → endpoint. Complete before the first request.
        self.by_key: dict[str, dict[str, EmulatedEndpoint]] = {}

    def add(self, key: str, endpoint: EmulatedEndpoint) -> None:
        """Endpoints with the same key are kept apart by their deployment."""
        self.by_key.setdefault(key, {})[endpoint.endpoint.deployment] = endpoint

    def find(self, key: str, model: str) -> EmulatedEndpoint | None:
        """Azure names the deployment in the path, OpenAI in the body, as `model`."""
        by_deployment = self.by_key[key]
        if self.dialect == "azure":
            return next(iter(by_deployment.values()), None)
        return by_deployment.get(model)


class Emulator:
    """Every endpoint, the clock that they share, and the count of what was paid for."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        answer_to: AnswerTo,
        options: EmulatorOptions | None = None,
        *,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        options = options or EmulatorOptions()
        self._answer_to = answer_to
        self._answered = AnsweredTurns()
        self._hosts = _LOCAL_NAMES | {host.lower() for host in allowed_hosts}
        self._loop = asyncio.get_running_loop()
        # When the first chat request came, on the loop's clock; set once.
        self._first_at: float | None = None
        shared = _shared_limits(endpoints)
        # By endpoint id. Which endpoints there are never changes, how they behave may.
        self._endpoints = {
            e.endpoint_id: EmulatedEndpoint(
                e, options, [limit for group in e.groups for limit in shared[group.name]]
            )
            for e in endpoints
        }
        # By whole path; complete before the first request.
        self._chats: dict[str, ChatRoute] = {}
        self._lists: dict[str, list[Endpoint]] = {}
        for endpoint in self._endpoints.values():
            self._add(endpoint)

    def now(self) -> float:
        """Seconds since the first chat request, 0 before it."""
        return 0.0 if self._first_at is None else self._loop.time() - self._first_at

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, or begin to."""
        request = exchange.request
        if not self._is_for_us(request.headers.get("host", "")):
            exchange.answer(421, refusals.error("host", "This host name is not served here."))
            return
        path = unquote(request.path) if "%" in request.path else request.path
        if route := self._chats.get(path):
            if request.method == "POST":
                self._chat(exchange, route)
            else:
                exchange.answer(405, refusals.error("method", "POST it."), {"allow": "POST"})
        elif path in self._lists:
            exchange.answer(200, chat_completions.models(self._lists[path]))
        elif path.startswith("/_emulator/"):
            self._answer_about_itself(exchange, path.removeprefix("/_emulator/"))
        else:
            exchange.answer(404, refusals.error("404", "Resource not found."))

    def stats(self, until_s: float | None = None) -> dict[str, Any]:
        """What each endpoint has seen, and which (trial, turn) pairs were answered repeatedly.

        What the limits would have admitted is reckoned to `until_s`, else to now.
        """
        now = self.now() if until_s is None else until_s
        endpoints = {name: e.snapshot(now) for name, e in self._endpoints.items()}
        return {"now_s": now, "endpoints": endpoints} | self._answered.snapshot()

    def _add(self, emulated_endpoint: EmulatedEndpoint) -> None:
        endpoint = emulated_endpoint.endpoint
        base = f"/{endpoint.provider}"
        if endpoint.dialect == "azure":
            chats = [f"{base}/openai/deployments/{endpoint.deployment}"]
            lists = [f"{base}/openai/models"]
        else:
            chats = [f"{base}/v1", base]
            lists = [f"{base}/v1/models", f"{base}/models"]
        for path in chats:
            route = self._chats.setdefault(f"{path}/chat/completions", ChatRoute(endpoint.dialect))
            route.add(emulated_key(endpoint.key), emulated_endpoint)
        for path in lists:
            self._lists.setdefault(path, []).append(endpoint)

    def _is_for_us(self, host: str) -> bool:
        """Loopback names, allowed names, and addresses: a rebound DNS name is none of these."""
        name = host.lower()
        name = name if name.endswith("]") else name.rpartition(":")[0] or name
        return name in self._hosts or _is_address(name)

    def _chat(self, exchange: Exchange, route: ChatRoute) -> None:
        if self._first_at is None:
            self._first_at = self._loop.time()
        now = self.now()
        key = _key_sent(exchange, route.dialect)
        if key not in route.by_key:
            exchange.answer(401, refusals.denied(route.dialect))
            return
        try:
            chat = chat_completions.read_chat(exchange.request.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            exchange.answer(400, refusals.error("invalid_request", str(error)))
            return
        endpoint = route.find(key, chat.model)
        if endpoint is None:
            exchange.answer(404, refusals.gone(route.dialect, chat.model))
        elif not self._is_barred(exchange, endpoint, now):
            self._admit(exchange, endpoint, chat, now)

    def _is_barred(self, exchange: Exchange, endpoint: EmulatedEndpoint, now: float) -> bool:
        """Answer what no waiting helps: a revoked key, a deployment gone, a quota used up."""
        tally, behaviour = endpoint.tally, endpoint.behaviour
        dialect = endpoint.endpoint.dialect
        tally.first_at_s = min(tally.first_at_s, now)
        if now >= behaviour.revoked_at_s:
            tally.refused["revoked"] += 1
            exchange.answer(401, refusals.denied(dialect))
        elif now >= behaviour.gone_at_s:
            tally.refused["gone"] += 1
            exchange.answer(404, refusals.gone(dialect, endpoint.endpoint.deployment))
        elif now >= behaviour.exhausted_at_s:
            tally.refused["exhausted"] += 1
            exchange.answer(429, refusals.exhausted())
        else:
            return False
        return True

    def _admit(
        self,
        exchange: Exchange,
        endpoint: EmulatedEndpoint,
        chat: chat_completions.ChatRequest,
        now: float,
    ) -> None:
        in_flight = RequestInFlight(
            endpoint, exchange, self._answered, now, streams=chat.stream is True
        )
        if (kind := endpoint.outage(now)) is not None:
            endpoint.tally.faults[f"outage {kind}"] += 1
            in_flight.fail(kind, None)
            return
        request_id = exchange.request.headers.get("x-client-request-id", "")
        request = chat_completions.as_request(chat, endpoint.endpoint.model, request_id)
        reply = self._answer_to(request) if endpoint.needs_tokens else None
        refusal = endpoint.refusal(now, _tokens(reply))
        if refusal is not None:
            endpoint.tally.refused[refusal.cause] += 1
            in_flight.refuse(refusal)
            return
        reply = reply or self._answer_to(request)
        endpoint.admit(now, _tokens(reply))
        in_flight.reply(reply, request_id.rpartition("/")[0])

    def _answer_about_itself(self, exchange: Exchange, what: str) -> None:
        method = exchange.request.method
        if what == "stats" and method == "GET":
            exchange.answer(200, _JSON(self.stats(_until(exchange.request.query))))
        elif what == "rules" and method == "POST":
            self._take_rules(exchange)
        else:
            exchange.answer(404, refusals.error("404", "GET stats, POST rules"))

    def _take_rules(self, exchange: Exchange) -> None:
        """New options from now on; a page of another origin cannot send this content type."""
        if exchange.request.headers.get("content-type") != "application/json":
            exchange.answer(415, refusals.error("invalid_request", "Send application/json."))
            return
        try:
            options = msgspec.json.decode(exchange.request.body, type=EmulatorOptions)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            exchange.answer(400, refusals.error("invalid_request", str(error)))
            return
        for name, endpoint in self._endpoints.items():
            endpoint.options = options
            endpoint.behave(options.behaviour(name, endpoint.endpoint.limits))
        exchange.answer(200, b"{}")


def _shared_limits(endpoints: Sequence[Endpoint]) -> dict[str, list[EnforcedLimit]]:
    groups: dict[str, LimitGroup] = {g.name: g for e in endpoints for g in e.groups}
    return {n: enforced_limits(g.limits, burst_s=1.0, window_s=0.0) for n, g in groups.items()}


def _key_sent(exchange: Exchange, dialect: Dialect) -> str:
    headers = exchange.request.headers
    if dialect == "azure":
        return headers.get("api-key", "")
    return headers.get("authorization", "").removeprefix("Bearer ")


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
