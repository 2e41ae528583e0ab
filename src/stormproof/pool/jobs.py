"""A job's life, from the supply to its end, and that of each request which it makes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Protocol

from stormproof.control.controller import Sent
from stormproof.domain.calls import Answer, Request
from stormproof.errors import CallError
from stormproof.pool.endpoint import Lane

Ask = Callable[[Request], Awaitable[Answer]]  # of the job's own model, one at a time
Job = Callable[[Ask], Awaitable[None]]

RETRY, UNDER_WAY, NEW = range(3)  # urgency of a request: the lower goes first
CHARS_PER_TOKEN = 4
REPLY_TOKENS = 256  # of a reply without a limit, at first


class Supply(Protocol):
    """Work not yet begun. A job is taken only when a slot would otherwise idle."""

    def take(self, model: str, shard: int | None) -> Job | None:
        """The model's next job (of one endpoint's share, if `shard` says its number), or None.

        None may be for now only: it is asked again whenever a job has ended, and by
        `Dispatcher.look_again`.
        """
        ...

    def remaining(self, model: str) -> int:
        """Jobs of the model that have not been taken, those too that only come later."""
        ...


class Status(IntEnum):
    """Where a job is. The scheduler alone moves it, along `MOVES`.

    - BEGINNING → WAITING → FLYING → WORKING → WAITING → … → WORKING → ENDED: all goes well.
    - FLYING → WAITING: refused, queued again at once. FLYING → PAUSING → WAITING: failed, queued
      again after a pause.
    - WAITING, FLYING or PAUSING → WORKING: answered, or the request raised (given up, cancelled).
    - BEGINNING → ENDED: it never asked.
    """

    BEGINNING = 0  # taken from the supply for an idle slot; it has not asked for anything yet
    WORKING = 1  # at work between two requests: tools, the journal
    WAITING = 2  # its request is queued
    FLYING = 3  # a permit was taken for its request; one copy is in flight, or two
    PAUSING = 4  # its request failed, and is not queued again before a pause has passed
    ENDED = 5  # it returned, raised or was cancelled


MOVES = {
    Status.BEGINNING: frozenset({Status.WAITING, Status.ENDED}),
    Status.WORKING: frozenset({Status.WAITING, Status.ENDED}),
    Status.WAITING: frozenset({Status.FLYING, Status.WORKING}),
    Status.FLYING: frozenset({Status.WAITING, Status.PAUSING, Status.WORKING}),
    Status.PAUSING: frozenset({Status.WAITING, Status.WORKING}),
    Status.ENDED: frozenset[Status](),
}


class ActiveJob:
    """A job taken from the supply."""

    __slots__ = ("answered", "begun_for", "model", "pinned_to", "play", "status")

    def __init__(self, play: Job, lane: Lane, *, pinned: bool) -> None:
        # What is run. Never changes.
        self.play = play
        # The model's name, the same for all its requests. Never changes.
        self.model = lane.endpoint.model
        # The endpoint whose idle slot it was begun for. Never changes.
        self.begun_for = lane
        # With even sharding the one endpoint of its requests, while that lives; else None.
        self.pinned_to = lane if pinned else None
        # Where it is. `ModelQueue.move` alone sets it, and counts it.
        self.status = Status.BEGINNING
        # Its requests that were answered; the dispatcher counts.
        self.answered = 0


class Flight:
    """One send of a request: a permit taken for it at a lane."""

    __slots__ = ("lane", "sent")

    def __init__(self, lane: Lane, sent: Sent) -> None:
        # Where the permit was taken, and what the lane's controller noted then. Never change.
        # It goes back exactly once, by `Scheduler.hear`.
        self.lane = lane
        self.sent = sent


class PendingRequest:
    """One request from its first queueing to its answer, over all its sends."""

    __slots__ = (
        "asked_at", "attempts", "avoid", "error", "failures", "flight", "given_up", "hedged", "job",
        "queued_at", "queued_s", "rejected_by", "request", "tokens", "urgency", "withdrawn",
    )  # fmt: skip

    def __init__(self, job: ActiveJob, request: Request, now: float, tokens: float) -> None:
        # Whose it is, what is asked, and when that was first. Never change.
        self.job = job
        self.request = request
        self.asked_at = now
        # Estimate of what it costs, in and out. Never changes.
        self.tokens = tokens
        # RETRY once a send has ended without an answer; before that by the job's progress.
        self.urgency = UNDER_WAY if job.answered else NEW
        # Sends so far, copies too; the dispatcher counts.
        self.attempts = 0
        # Errors that count against its tries; the dispatcher counts.
        self.failures = 0
        # Whether a second copy went out, or a lost one was sent again. Never cleared.
        self.hedged = False
        # Where it was declared lost, and after how many seconds of silence. It only grows.
        self.given_up: list[tuple[Lane, float]] = []
        # Seconds in queues, over all that have ended; and since when it is in the present one.
        self.queued_s = 0.0
        self.queued_at = now
        # Endpoints where it failed: others are tried first. It only grows.
        self.avoid: set[Lane] = set()
        # Endpoints that rejected it: they are not asked again while there are others. It only
        # grows; each of them is in `avoid` before it is queued again.
        self.rejected_by: set[Lane] = set()
        # What came of the present queueing, set once by the scheduler: a permit, or an error
        # to be raised. Never both; both None while it waits.
        self.flight: Flight | None = None
        self.error: CallError | None = None
        # Its job no longer waits for it: whoever finds it in a queue passes over it.
        self.withdrawn = False

    def copy(self, now: float, flying: Lane) -> PendingRequest:
        """The same request, to be sent elsewhere than where it flies."""
        copy = PendingRequest(self.job, self.request, now, self.tokens)
        copy.avoid = {flying, *self.avoid}
        return copy

    def try_again(self, lane: Lane, *, failed: bool) -> None:
        """A send ended without an answer: it goes before others now; if it failed, elsewhere."""
        self.urgency = RETRY
        if failed:
            self.avoid.add(lane)


def estimated_tokens(request: Request, lane: Lane) -> float:
    """A first estimate of a request's tokens: its text, and the most that it may write.

    That is what OpenAI and Azure hold against a limit of tokens when a request comes in.
    """
    chars = sum([len(message.content) for message in request.messages])
    may_write = request.max_tokens or lane.most_reply_tokens or REPLY_TOKENS
    return chars / CHARS_PER_TOKEN + may_write
