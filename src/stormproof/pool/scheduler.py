"""The life of jobs, requests and endpoints, from what is told of each; `grants` gives them slots.

No I/O, no clock, no tasks: whoever drives it tells what happened and when, and then acts on what
was decided: starts the jobs in `begun`, wakes the requests in `decided`, says the `notices`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Literal

from msgspec import Struct

from stormproof.domain.calls import Blocked, Ok, Overlong, Rejected, Request, Verdict
from stormproof.domain.durations import duration_in_words
from stormproof.domain.pool import Endpoint, RateMode, Sharding
from stormproof.errors import CallError
from stormproof.pool import lost
from stormproof.pool.bounds import Bounds
from stormproof.pool.endpoint import Lane, StopCause, limits_above
from stormproof.pool.grants import Grants
from stormproof.pool.jobs import (
    ActiveJob,
    Flight,
    PendingRequest,
    Status,
    Supply,
    estimated_tokens,
)
from stormproof.pool.model_queue import JobSource, ModelQueue
from stormproof.pool.wakes import Wakes

EventKind = Literal["stopped", "trouble", "opened", "closed", "stuck", "lost", "drain"]
Notice = tuple[EventKind, str, str]  # what happened, to whom, in words


class Event(Struct, frozen=True):
    """A line for the log: what happened to whom. `at` is wall-clock epoch seconds."""

    at: float
    kind: EventKind
    subject: str
    text: str


class Scheduler:
    """Queues what asks, hears how sends end, stops endpoints; after each, room is given away."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        rate_mode: RateMode,
        *,
        sharding: Sharding = "dynamic",
        stagger: Sequence[float] = (),
        bounds: Bounds | None = None,
    ) -> None:
        # As given. Never changes.
        self._bounds = bounds or Bounds()
        # Every endpoint, in the order given: lanes[n].place == n. Never changes.
        self.lanes: list[Lane] = []
        # Every model, by name; each lane is in exactly one. Never changes.
        self.models: dict[str, ModelQueue] = {}
        # No request is queued and no job begun any more. Set by `drain`, never cleared.
        self.draining = False
        # Whether jobs may be begun. Unset by `begin_no_more`, never set again.
        self._begins = True
        # Whether each endpoint has a share of the supply of its own. Never changes.
        self._even = sharding == "even"
        # Start offsets in seconds, by a lane's place in its model. Never changes.
        self._stagger = tuple(stagger)
        above = limits_above(endpoints, learn=rate_mode == "adaptive")
        for place, (endpoint, limits) in enumerate(zip(endpoints, above, strict=True)):
            lane = Lane(endpoint, rate_mode, limits, place)
            self.lanes.append(lane)
            self.models.setdefault(endpoint.model, ModelQueue(endpoint.model)).add(lane)
        # When which lane is to be looked at again.
        self._wakes = Wakes(self.lanes)
        # Gives slots away whenever something here may have made room, or work for it.
        self.grants = Grants(self.models, self._wakes, even=self._even)
        # Decisions that nobody has acted on yet, in the order in which they were made. The
        # scheduler and its grants append; whoever acts on them clears.
        self.begun, self.decided = self.grants.begun, self.grants.decided
        self.notices: list[Notice] = []

    # --- a run -----------------------------------------------------------------------------

    def open_at(self, now: float, supply: Supply | None = None) -> None:
        """Begin: each endpoint of a model at its stagger offset."""
        self.grants.source = JobSource(supply, even=self._even)
        for model in self.models.values():
            model.served_at = model.sent_at = now
            for place, lane in enumerate(model.lanes):
                offset = self._stagger[place % len(self._stagger)] if self._stagger else 0.0
                lane.rests_until = now + offset
        for model in self.models.values():
            self.grants.pump(model, now)

    @property
    def under_way(self) -> int:
        """Jobs that have not ended."""
        return sum(model.under_way for model in self.models.values())

    @property
    def is_done(self) -> bool:
        """Whether no job is under way, and none is to be had, now or later."""
        return not self.under_way and not any(map(self._may_have_more, self.models.values()))

    def next_wake(self) -> float:
        """When `wake` must be called next, if nothing happens before; inf for never."""
        return self._wakes.next_at

    def wake(self, now: float) -> None:
        """Look again at the endpoints whose time has come."""
        for lane in self._wakes.due(now):
            model = self.models[lane.endpoint.model]
            self.grants.use(model, lane, now)
            self.grants.copy(model, lane, now)

    def look_again(self, now: float) -> None:
        """The supply may have what it did not have before."""
        for model in self.models.values():
            model.ask_supply_again()
            self.grants.pump(model, now)

    def begin_no_more(self) -> None:
        """Take nothing more from the supply."""
        self._begins = False
        for lane in self.lanes:
            lane.ended_when_empty = inf

    def drain(self) -> list[ActiveJob]:
        """Begin nothing, queue nothing more; the jobs whose requests waited are to be cancelled."""
        self.draining = True
        self.begin_no_more()
        self.notices.append(("drain", "run", f"{self.under_way} episodes under way, no new ones"))
        for model in self.models.values():
            model.copies.clear()
        return [x.job for model in self.models.values() for x in model.drain()]

    def watch(self, now: float) -> None:
        """Name what is in trouble or stuck; end what no endpoint has served for too long."""
        bounds = self._bounds
        for model in self.models.values():
            for lane in model.live:
                if not lane.announced and lost.is_noteworthy(lane, now):
                    lane.announced = True
                    words = lost.trouble_in_words(lane, bounds)
                    self.notices.append(("trouble", lane.endpoint.endpoint_id, words))
            for lane, why in lost.given_up(model, bounds, now):
                self.stop(lane, "silent", why, now)
            if model.waiting:
                self._watch_waiting(model, now)

    def _watch_waiting(self, model: ModelQueue, now: float) -> None:
        why = lost.why_stuck(model, self._bounds, now)
        if why and now - model.said_stuck_at > self._bounds.stuck_s:
            model.said_stuck_at = now
            self.notices.append(("stuck", model.name, why))
        if lost.is_unserved(model, self._bounds, now):
            for pending in model.drain():
                self._fail(pending, lost.unserved(model, now - model.served_at))

    def _may_have_more(self, model: ModelQueue) -> bool:
        """Whether the supply has more for the model, or will; it may have nothing just now."""
        later = self._begins and bool(model.live) and self.grants.source.remaining(model) > 0
        return later or not model.is_dry

    # --- a job -----------------------------------------------------------------------------

    def pause(self, job: ActiveJob) -> None:
        """The job's request has failed: it is queued again later."""
        self.models[job.model].move(job, Status.PAUSING)

    def work(self, job: ActiveJob) -> None:
        """The job has its answer, or has given its request up."""
        self.models[job.model].move(job, Status.WORKING)

    def end(self, job: ActiveJob, now: float) -> None:
        """The job has ended, in whatever way: its supply is asked again."""
        model = self.models[job.model]
        model.move(job, Status.ENDED)
        self.grants.look_for_copies(model, now)
        self.grants.pump(model, now)

    # --- a request -------------------------------------------------------------------------

    def ask(self, job: ActiveJob, request: Request, now: float) -> PendingRequest:
        """A request of the job: granted a slot at once where one is free, else queued."""
        tokens = estimated_tokens(request, job.begun_for)
        pending = PendingRequest(job, request, now, tokens)
        self.queue(pending, now)
        return pending

    def queue(self, pending: PendingRequest, now: float) -> None:
        """Queue a request (again): it is `decided`, now or later."""
        model = self.models[pending.job.model]
        model.move(pending.job, Status.WAITING)
        pending.flight = None
        if self.draining or not model.live:
            self._fail(pending, lost.ending() if self.draining else lost.no_endpoint(model))
            return
        pending.queued_at = now
        lane = model.push(pending)
        if model.is_sharing:
            self.grants.look_for_copies(model, now)
            self.grants.pump(model, now)
        elif model.queued(lane) > 1:
            return  # those before it have looked for room, and set the wakes
        elif lane is None:
            self.grants.seat(model, now)
        else:
            self.grants.fill(model, lane, now)

    def may_do_better(self, pending: PendingRequest) -> bool:
        """Whether a request that was rejected has an endpoint left, and tries."""
        left = len(pending.rejected_by) < self._bounds.tries
        return left and bool(self.models[pending.job.model].untried(pending))

    def queue_copy(self, copy: PendingRequest, now: float) -> None:
        """A second copy of a request: granted where room would otherwise stay idle."""
        model = self.models[copy.job.model]
        if not self.draining:
            model.copies[copy] = None
            self.grants.look_for_copies(model, now)

    def withdraw(self, pending: PendingRequest, now: float) -> None:
        """Nobody waits for it any more: a slot that was granted meanwhile goes back."""
        pending.withdrawn = True
        self.models[pending.job.model].copies.pop(pending, None)
        if pending.flight is not None:
            self.hear(pending.flight, None, now)

    def _fail(self, pending: PendingRequest, error: CallError) -> None:
        pending.error = error
        self.decided.append(pending)

    def hear(self, flight: Flight, verdict: Verdict | None, now: float) -> None:
        """A send has ended; None where we gave it up ourselves."""
        lane = flight.lane
        lane.hear(flight.sent, verdict, now)
        if isinstance(verdict, (Ok, Overlong, Blocked)):
            self.models[lane.endpoint.model].served_at = now
        elif verdict is not None and not lane.stopped:
            model = self.models[lane.endpoint.model]
            cause, why = lost.unusable(lane, model, verdict, self._bounds, now)
            if cause:
                self.stop(lane, cause, why, now)
            elif isinstance(verdict, Rejected) and lane.is_rejecting:
                self._share_out(model, lane, now)
            elif rest_s := lost.rest_s(lane, verdict, self._bounds, now):
                self._rest(lane, rest_s, now)
        if lane.controller.closed != lane.closed:
            self._note_gate(lane)
        self.freed(lane, now)

    def freed(self, lane: Lane, now: float) -> None:
        """A send of the lane has ended, and its permits are back: use the room."""
        model = self.models[lane.endpoint.model]
        if lane.share():  # so does whoever else was suspected of sharing it
            for each in self.lanes:
                each.share()
        self.grants.look_for_copies(model, now)
        self.grants.use(model, lane, now)

    # --- endpoints -------------------------------------------------------------------------

    def stop(self, lane: Lane, cause: StopCause, why: str, now: float) -> None:
        """The endpoint is unusable: its requests move, or fail where there is nowhere to go."""
        self.notices.append(("stopped", lane.endpoint.endpoint_id, why))
        model = self.models[lane.endpoint.model]
        model.stop(lane, cause, why)
        if model.live:
            self._share_out(model, lane, now)
            return
        model.unpin(lane)
        for pending in model.drain():
            self._fail(pending, lost.no_endpoint(model))

    def _share_out(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """What waits for the lane, and its share of the supply, are anyone's now."""
        model.unpin(lane)
        model.ask_supply_again()
        self.grants.look_for_copies(model, now)
        self.grants.pump(model, now)

    def _rest(self, lane: Lane, rest_s: float, now: float) -> None:
        """A day's quota is waited for; of what was in flight, each refusal says so."""
        lane.rests_until = max(lane.rests_until, now + rest_s)
        if not lane.announced:
            lane.announced = True
            words = f"{lane.trouble}; asked again in {duration_in_words(rest_s)}"
            self.notices.append(("trouble", lane.endpoint.endpoint_id, words))

    def _note_gate(self, lane: Lane) -> None:
        before, lane.closed = lane.closed, lane.controller.closed
        why = lane.closed or f"it was closed: {before}"
        kind: EventKind = "closed" if lane.closed else "opened"
        self.notices.append((kind, lane.endpoint.endpoint_id, why))
