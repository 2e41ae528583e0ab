"""Two copies of one request on two endpoints: the first answer wins, the other is cancelled."""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.domain.calls import Blocked, Ok, Overlong, Verdict
from stormproof.pool.endpoint import Lane
from stormproof.pool.jobs import Flight, PendingRequest
from stormproof.pool.model_queue import ModelQueue

LEAST_S = 0.1  # of silence; a copy that comes sooner saves nothing that anyone would notice


def copy_after_s(lane: Lane) -> float:
    """The silence after which a second copy is wanted: longer than answers take."""
    return max(LEAST_S, lane.latency_p99_s)


def has_spare_room(model: ModelQueue, lane: Lane, met: Sequence[ModelQueue]) -> bool:
    """Whether there would be room at the lane if all jobs under way asked at once.

    `met` are the models that its shared limits are shared with.
    """
    if any(m.wants for m in (model, *met)) or model.busy + model.in_flight >= model.slots:
        return False
    busy = {m.name: m.busy for m in met}
    return all(limit.has_room(sum(busy[name] for name in limit.models)) for limit in lane.declared)


class Race:
    """Which copy's verdict counts. A copy that is refused or fails leaves the race to the other.

    The request has failed when all copies have.
    """

    def __init__(self, pending: PendingRequest) -> None:
        # What is raced for. Never changes.
        self._pending = pending
        # Every copy that was sent, with its verdict; None while it flies, and where it was
        # cancelled. `started` adds, `ended` sets the verdict.
        self._verdicts: dict[Flight, Verdict | None] = {}
        # Copies that have not ended.
        self._flying = 0
        # The copy that counts, once that is settled. Set once.
        self._won: Flight | None = None

    def started(self, flight: Flight) -> None:
        """A copy is sent."""
        self._pending.hedged = self._pending.hedged or self._flying > 0
        self._verdicts[flight] = None
        self._flying += 1

    def ended(self, flight: Flight, verdict: Verdict) -> bool:
        """A copy has come back; true when that settles the race, and the others may go."""
        self._verdicts[flight] = verdict
        self._flying -= 1
        if self._won is None and (_decides(verdict) or not self._flying):
            self._won = flight
            return True
        return False

    def result(self, now: float) -> tuple[Flight, Verdict]:
        """The copy that counts and its verdict, when all have ended; the others' lanes hear."""
        assert self._won is not None  # noqa: S101  each copy ends in a verdict, or all are cancelled
        for flight, verdict in self._verdicts.items():
            if flight is not self._won and (verdict is None or _decides(verdict)):
                flight.lane.lost_race(now - flight.sent.at)
        verdict = self._verdicts[self._won]
        assert verdict is not None  # noqa: S101  only a copy that has ended wins
        return self._won, verdict


def _decides(verdict: Verdict) -> bool:
    """Whether no other copy could bring anything better."""
    return isinstance(verdict, (Ok, Overlong, Blocked))
