"""One request at one endpoint, from admission or refusal to its last byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from stormproof.domain.calls import Reply, Usage
from stormproof.emulator import dialect
from stormproof.emulator.http11 import Exchange
from stormproof.emulator.options import EmulatorOptions, Fault
from stormproof.emulator.served import Refusal, Served

_FAILURE_S = 0.3  # a failing service fails after some work, in seconds before `time_scale`
_FILLER = b" " * 65_536
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>"


class House(Protocol):
    """What a visit needs of the emulator."""

    options: EmulatorOptions
    paid: dict[str, int]

    def answer_id(self) -> str:
        """A new one for each answer."""


class Visit:
    """Holds the endpoint's slot while the answer is under way, and gives it back once."""

    __slots__ = (
        "_began",
        "_exchange",
        "_holds",
        "_house",
        "_loop",
        "_now",
        "_served",
        "_start",
        "_timer",
    )

    def __init__(self, house: House, served: Served, exchange: Exchange, now: float) -> None:
        self._house = house
        self._served = served
        self._exchange = exchange
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._start: Callable[[], None] | None = None
        self._began = 0.0
        self._holds = False

    def refuse(self, refusal: Refusal) -> None:
        """Say no, as fast as such services do."""
        headers = self._served.refusal_headers(self._now, refusal)
        body = dialect.too_many(refusal.cause)
        delay = self._served.refusal_s()
        self._exchange.on_gone = self._gone
        self._timer = self._loop.call_later(delay, self._exchange.answer, 429, body, headers)

    def reply(self, reply: Reply, turn: str) -> None:
        """Hold the slot for as long as the answer takes, then give it, or what goes wrong."""
        served = self._served
        self._holds = True
        self._exchange.on_gone = self._gone
        kind = served.fault()
        if kind is not None:
            served.tally.faults[kind] += 1
        tokens = reply.usage.completion_tokens

        def start() -> None:
            self._began = self._loop.time()
            if kind is None:
                self._timer = self._loop.call_later(
                    served.latency_s(tokens), self._deliver, reply, turn
                )
            else:
                self.fail(kind, reply)

        self._start = start
        served.enter(start)

    def fail(self, kind: Fault, reply: Reply | None) -> None:
        """The fault, after a while; `hang` has no end but the client's."""
        self._exchange.on_gone = self._gone
        if kind != "hang":
            delay = _FAILURE_S * self._house.options.time_scale
            self._timer = self._loop.call_later(delay, self._break, kind, reply)

    def _deliver(self, reply: Reply, turn: str) -> None:
        served = self._served
        tally = served.tally
        self._leave()
        tally.answered += 1
        tally.busy_s += self._loop.time() - self._began
        tally.prompt_tokens += reply.usage.prompt_tokens
        tally.completion_tokens += reply.usage.completion_tokens
        if turn:
            self._house.paid[turn] = self._house.paid.get(turn, 0) + 1
        body = dialect.completion(reply, served.endpoint.model, self._house.answer_id())
        self._exchange.answer(200, body, served.rate_headers(self._now))

    def _break(self, kind: Fault, reply: Reply | None) -> None:
        exchange, house = self._exchange, self._house
        self._leave()
        if kind in {"500", "503"}:
            exchange.answer(
                int(kind), dialect.error(kind, "The server had an error.", "server_error")
            )
        elif kind == "reset":
            exchange.reset()
        elif kind == "nonjson":
            exchange.answer(200, _PAGE, content_type="text/html")
        elif kind == "error_object":
            exchange.answer(200, dialect.error("500", "upstream failed", "server_error"))
        else:
            shown = Reply("", usage=Usage()) if kind == "empty" or reply is None else reply
            body = dialect.completion(shown, self._served.endpoint.model, house.answer_id())
            self._spoil(kind, body)

    def _spoil(self, kind: Fault, body: bytes) -> None:
        exchange, options = self._exchange, self._house.options
        if kind == "truncated":
            exchange.truncated(body)
        elif kind == "drip":
            exchange.drip(body, options.drip_s)
        elif kind == "huge":
            times = options.huge_bytes // len(_FILLER)
            exchange.flood(b'{"padding":"', _FILLER, times, b'",' + body[1:])
        else:
            exchange.answer(200, body)

    def _gone(self) -> None:
        """The client has left: nobody is answered, and the slot is free."""
        if self._timer:
            self._timer.cancel()
        if self._start is not None:
            self._served.forget(self._start)
        if self._holds:
            self._served.tally.abandoned += 1
        self._leave()

    def _leave(self) -> None:
        if self._holds:
            self._holds = False
            self._served.leave()
