"""What the dispatcher speaks in: its supply of work, what it shows, what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from msgspec import Struct

from stormproof.domain.calls import Answer, Request

Ask = Callable[[Request], Awaitable[Answer]]
Job = Callable[[Ask], Awaitable[None]]
Hedge = Literal["lost", "all", "none"]
EventKind = Literal["stopped", "opened", "closed", "stuck", "lost", "drain"]


class Supply(Protocol):
    """Work not yet begun. A job is taken only when a slot would otherwise idle."""

    def take(self, model: str, shard: int | None) -> Job | None:
        """The model's next job (of one endpoint's share, if `shard` says its number), or None.

        None may be for now only: it is asked again whenever a job has ended.
        """
        ...

    def remaining(self, model: str) -> int:
        """Jobs of the model that have not been taken."""
        ...


class EndpointState(Struct, frozen=True):
    """One endpoint now. `window` is inf where nothing bounds it; `pace_rps` 0 where unpaced.

    Counts are sends since the start: accepted (answered in full), refused, errors, and hedges
    (given up because a copy was sent elsewhere: lost, or slower than the copy). `trouble` is what
    its last send ended in where that was no answer, and `troubled_at` the wall-clock instant
    since when.
    """

    endpoint_id: str
    model: str
    in_flight: int
    window: float
    pace_rps: float
    accepted: int
    refused: int
    errors: int
    state: str
    decision: str
    hedges: int = 0
    trouble: str = ""
    troubled_at: float = 0.0


class Event(Struct, frozen=True):
    """A line for the log: what happened to whom. `at` is wall-clock epoch seconds."""

    at: float
    kind: EventKind
    subject: str
    text: str
