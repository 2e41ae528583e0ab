"""Requests that wait for a slot, in the order in which they should get one."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

import anyio

from stormproof.domain.calls import Answer, Reply, Request
from stormproof.errors import CallError

if TYPE_CHECKING:
    from stormproof.control.controller import Sent
    from stormproof.pool.lane import Lane

RETRY, UNDER_WAY, NEW = range(3)


class Running:
    """A job under way: its cancel scope, and where its episode last was."""

    __slots__ = ("answered", "asked", "lane", "model", "scope", "started_for")

    def __init__(self, model: str, lane: Lane, *, pinned: bool) -> None:
        self.model = model
        self.started_for = lane
        self.lane = lane if pinned else None  # with even sharding: its shard's endpoint
        self.scope: anyio.CancelScope | None = None  # while it runs
        self.asked = False
        self.answered = 0

    def cancel(self) -> None:
        """End the job where it waits."""
        if self.scope is not None:
            self.scope.cancel()


class Waiting:
    """One request from its first queueing to its answer, over all its sends."""

    __slots__ = (
        "attempts", "avoid", "error", "event", "failures", "granted", "hedged", "job",
        "queued_at", "queued_s", "request", "tokens", "urgency",
    )  # fmt: skip

    def __init__(self, job: Running, request: Request, tokens: float) -> None:
        self.job = job
        self.request = request
        self.tokens = tokens
        self.urgency = UNDER_WAY if job.answered else NEW
        self.attempts = 0
        self.failures = 0
        self.hedged = False
        self.queued_s = 0.0
        self.queued_at = 0.0
        self.avoid: set[Lane] = set()  # where it failed: another is tried first
        self.granted: tuple[Lane, Sent] | None = None
        self.error: CallError | None = None
        self.event: anyio.Event | None = None

    def copy(self, avoid: set[Lane]) -> Waiting:
        """The same request, to be sent elsewhere besides."""
        copy = Waiting(self.job, self.request, self.tokens)
        copy.avoid = avoid
        return copy

    def reset(self) -> None:
        """Ready to be queued (again)."""
        self.granted = None
        self.event = None

    def grant(self, lane: Lane, sent: Sent) -> None:
        """Let the waiting request go to `lane`, where a permit was taken for it."""
        self.granted = (lane, sent)
        if self.event is not None:
            self.event.set()

    def answer(self, reply: Reply, lane: Lane, latency_s: float) -> Answer:
        """The reply, and how it was got."""
        return Answer(
            reply=reply,
            endpoint_id=lane.endpoint.endpoint_id,
            attempts=self.attempts,
            queued_ms=1000 * self.queued_s,
            latency_ms=1000 * latency_s,
            hedged=self.hedged,
            at=time.time(),
        )

    def fail(self, error: CallError) -> None:
        """Let the waiting request raise `error`."""
        self.error = error
        if self.event is not None:
            self.event.set()


class WaitingLine:
    """Retries first, then episodes under way, longest remaining first, then new ones."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, float, int, Waiting]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, waiting: Waiting, remaining: float) -> None:
        """Queue a request whose episode is expected to need `remaining` more turns."""
        self._serial += 1
        heapq.heappush(self._heap, (waiting.urgency, -remaining, self._serial, waiting))

    def pop(self) -> Waiting | None:
        """The request that goes next."""
        return heapq.heappop(self._heap)[3] if self._heap else None

    def drain(self) -> list[Waiting]:
        """Take all, in no order."""
        taken = [entry[3] for entry in self._heap]
        self._heap.clear()
        return taken
