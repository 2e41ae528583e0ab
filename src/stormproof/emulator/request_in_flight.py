"""One request at one endpoint, from admission or refusal to its last byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from stormproof.domain.calls import Reply
from stormproof.emulator import refusals
from stormproof.emulator.behaviour import Fault
from stormproof.emulator.chat_completions import completion, streamed
from stormproof.emulator.emulated_endpoint import EmulatedEndpoint, Refusal
from stormproof.emulator.faults import FAILURE_S, break_answer
from stormproof.emulator.http11 import Exchange


class AnsweredTurns:
    """How often each turn was answered, so that what was paid for twice shows."""

    def __init__(self) -> None:
        # Answers by `<trial>/<turn>`; each is at least 1. Requests that name none are not in it.
        self._answers: dict[str, int] = {}
        # Ids handed out; only grows.
        self._ids = 0

    def next_id(self) -> str:
        """A new one for each answer."""
        self._ids += 1
        return f"chatcmpl-emulated-{self._ids}"

    def add(self, turn: str) -> None:
        """The turn was answered; "" is no turn."""
        if turn:
            self._answers[turn] = self._answers.get(turn, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """How many turns were answered, how many answers were repeats, and of which turns."""
        repeats = {turn: count for turn, count in self._answers.items() if count > 1}
        return {
            "answered_turns": len(self._answers),
            "repeated_answers": sum(repeats.values()) - len(repeats),
            "repeats": repeats,
        }


class RequestInFlight:
    """Holds the endpoint's slot while the answer is under way, and gives it back once."""

    __slots__ = (
        "_answered",
        "_began",
        "_endpoint",
        "_exchange",
        "_holds_slot",
        "_loop",
        "_now",
        "_start",
        "_streams",
        "_timer",
    )

    def __init__(
        self,
        endpoint: EmulatedEndpoint,
        exchange: Exchange,
        answered: AnsweredTurns,
        now: float,
        *,
        streams: bool = False,
    ) -> None:
        self._endpoint = endpoint
        # Whether the answer goes out as events; faults break the plain form of it.
        self._streams = streams
        self._exchange = exchange
        self._answered = answered
        self._now = now
        self._loop = asyncio.get_running_loop()
        # What ends the request once it is due; None while it waits for its turn, or hangs.
        self._timer: asyncio.TimerHandle | None = None
        # What begins its service; set once admitted, and perhaps in the endpoint's queue.
        self._start: Callable[[], None] | None = None
        # When its service began, on the loop's clock; 0 before that.
        self._began = 0.0
        # True from admission until `_leave`, which alone gives the slot back.
        self._holds_slot = False

    def refuse(self, refusal: Refusal) -> None:
        """Say no, as fast as such services do."""
        endpoint = self._endpoint
        retry_after = endpoint.behaviour.retry_after
        headers = endpoint.rate_headers(self._now)
        headers |= refusals.retry_headers(retry_after, refusal.wait_s)
        body = refusals.too_many(refusal.cause)
        self._exchange.on_gone = self._gone
        self._timer = self._loop.call_later(
            endpoint.refusal_s(), self._exchange.answer, 429, body, headers
        )

    def reply(self, reply: Reply, turn: str) -> None:
        """Hold the slot for as long as the answer takes, then give it, or what goes wrong."""
        endpoint = self._endpoint
        self._holds_slot = True
        self._exchange.on_gone = self._gone
        kind = endpoint.fault()
        if kind is not None:
            endpoint.tally.faults[kind] += 1

        def start() -> None:
            self._began = self._loop.time()
            if kind is None:
                delay = endpoint.latency_s(reply.usage.completion_tokens)
                self._timer = self._loop.call_later(delay, self._deliver, reply, turn)
            else:
                self.fail(kind, reply)

        self._start = start
        endpoint.enter(start)

    def fail(self, kind: Fault, reply: Reply | None) -> None:
        """The fault, after a while; `hang` has no end but the client's."""
        self._exchange.on_gone = self._gone
        if kind != "hang":
            delay = FAILURE_S * self._endpoint.options.time_scale
            self._timer = self._loop.call_later(delay, self._break, kind, reply)

    def _deliver(self, reply: Reply, turn: str) -> None:
        endpoint = self._endpoint
        tally = endpoint.tally
        self._leave()
        tally.answered += 1
        tally.busy_s += self._loop.time() - self._began
        tally.prompt_tokens += reply.usage.prompt_tokens
        tally.completion_tokens += reply.usage.completion_tokens
        self._answered.add(turn)
        body = completion(reply, endpoint.endpoint.model, self._answered.next_id())
        headers = endpoint.rate_headers(self._now)
        if self._streams:
            self._exchange.answer(200, streamed(body), headers, "text/event-stream")
        else:
            self._exchange.answer(200, body, headers)

    def _break(self, kind: Fault, reply: Reply | None) -> None:
        self._leave()
        break_answer(
            kind,
            self._exchange,
            self._endpoint.options,
            reply=reply,
            model=self._endpoint.endpoint.model,
            answer_id=self._answered.next_id(),
        )

    def _gone(self) -> None:
        """The client has left: nobody is answered, and the slot is free."""
        if self._timer:
            self._timer.cancel()
        if self._start is not None:
            self._endpoint.forget(self._start)
        if self._holds_slot:
            self._endpoint.tally.abandoned += 1
        self._leave()

    def _leave(self) -> None:
        if self._holds_slot:
            self._holds_slot = False
            self._endpoint.leave()
