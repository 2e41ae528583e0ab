"""Who goes next, and where: matches waiting requests with endpoints that have room.

No I/O, no clock, no tasks: whoever drives it tells what happened and when, and then acts on what
was decided: starts the jobs in `begun`, wakes the requests in `decided`, says the `notices`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Literal

from stormproof.control.bounds import Bounds
from stormproof.control.shared_limit import limits_above
from stormproof.domain.calls import Blocked, Ok, Overlong, Request, Verdict
from stormproof.domain.pool import Endpoint, RateMode, Sharding
from stormproof.errors import CallError
from stormproof.pool import lost
from stormproof.pool.endpoint import Lane, StopCause, load
from stormproof.pool.hedging import has_spare_room
from stormproof.pool.jobs import (
    ActiveJob,
    Flight,
    Job,
    PendingRequest,
    Status,
    Supply,
    estimated_tokens,
)
from stormproof.pool.model_queue import JobSource, ModelQueue
from stormproof.pool.wakes import Wakes

EventKind = Literal["stopped", "trouble", "opened", "closed", "stuck", "lost", "drain"]
Notice = tuple[EventKind, str, str]  # what happened, to whom, in words

CLAIM_S = 0.05  # a shared permit is kept so long for a job that was begun for it
LAG = 8  # shared permits that a model may catch up on after it had nothing to send
SETTLES_S = 0.01  # after something has changed, until room for second copies is looked for
STARTS = 4  # jobs begun for one idle endpoint that have not asked yet


class Scheduler:
    """Work-conserving: no endpoint has room while a request that it could serve waits.

    Models that share a limit get shares of it in proportion to their remaining work, so that
    they finish together.
    """

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
        # Decisions that nobody has acted on yet, in the order in which they were made. The
        # scheduler appends; whoever acts on them clears.
        self.begun: list[ActiveJob] = []
        self.decided: list[PendingRequest] = []
        self.notices: list[Notice] = []
        # No request is queued and no job begun any more. Set by `drain`, never cleared.
        self.draining = False
        # Whether jobs may be begun. Unset by `begin_no_more`, never set again.
        self._begins = True
        # Where jobs come from. Set once, by `open_at`; before that there are none.
        self._source = JobSource(None, even=False)
        # Whether each endpoint has a share of the supply of its own. Never changes.
        self._even = sharding == "even"
        # Start offsets in seconds, by a lane's place in its model. Never changes.
        self._stagger = tuple(stagger)
        # What the model served last at a shared limit had passed before. It only grows.
        self._virtual = 0.0
        above = limits_above(endpoints, learn=rate_mode == "adaptive")
        for place, (endpoint, limits) in enumerate(zip(endpoints, above, strict=True)):
            lane = Lane(endpoint, rate_mode, limits, place)
            self.lanes.append(lane)
            self.models.setdefault(endpoint.model, ModelQueue(endpoint.model)).lanes.append(lane)
        # When which lane is to be looked at again.
        self._wakes = Wakes(self.lanes)

    # --- a run -----------------------------------------------------------------------------

    def open_at(self, now: float, supply: Supply | None = None) -> None:
        """Begin: each endpoint of a model at its stagger offset."""
        self._source = JobSource(supply, even=self._even)
        for model in self.models.values():
            model.served_at = model.sent_at = now
            for place, lane in enumerate(model.lanes):
                offset = self._stagger[place % len(self._stagger)] if self._stagger else 0.0
                lane.starts_at = now + offset
        for model in self.models.values():
            self._pump(model, now)

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
        return self._wakes.next_at()

    def wake(self, now: float) -> None:
        """Look again at the endpoints whose time has come."""
        for lane in self._wakes.due(now):
            model = self.models[lane.endpoint.model]
            self._use(model, lane, now)
            self._copy(model, lane, now)

    def look_again(self, now: float) -> None:
        """The supply may have what it did not have before."""
        for model in self.models.values():
            model.ask_supply_again()
            self._pump(model, now)

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

    # --- a job -----------------------------------------------------------------------------

    def begin(self, lane: Lane, play: Job) -> ActiveJob:
        """Begin a job for an idle slot of the lane."""
        job = ActiveJob(play, lane, pinned=self._even)
        self.models[job.model].admit(job)
        self.begun.append(job)
        return job

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
        self._look_for_copies(model, now)
        self._pump(model, now)

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
            self._look_for_copies(model, now)
            self._pump(model, now)
        elif model.queued(lane) > 1:
            return  # those before it have looked for room, and set the wakes
        elif lane is None:
            self._seat(model, now)
        else:
            self._fill(model, lane, now)

    def may_do_better(self, pending: PendingRequest) -> bool:
        """Whether a request that was rejected has an endpoint left, and tries."""
        left = len(pending.rejected_by) < self._bounds.tries
        return left and bool(self.models[pending.job.model].untried(pending))

    def queue_copy(self, copy: PendingRequest, now: float) -> None:
        """A second copy of a request: granted where room would otherwise stay idle."""
        model = self.models[copy.job.model]
        if not self.draining:
            model.copies[copy] = None
            self._look_for_copies(model, now)

    def withdraw(self, pending: PendingRequest, now: float) -> None:
        """Nobody waits for it any more: a slot that was granted meanwhile goes back."""
        pending.withdrawn = True
        self.models[pending.job.model].copies.pop(pending, None)
        if pending.flight is not None:
            self.hear(pending.flight, None, now)

    def hear(self, flight: Flight, verdict: Verdict | None, now: float) -> None:
        """A send has ended; None where we gave it up ourselves."""
        lane = flight.lane
        lane.hear(flight.sent, verdict, now)
        if isinstance(verdict, (Ok, Overlong, Blocked)):
            self.models[lane.endpoint.model].served_at = now
        elif verdict is not None and not lane.stopped:
            cause, why = lost.unusable(lane, verdict, self._bounds, now)
            if cause:
                self.stop(lane, cause, why, now)
        if lane.controller.closed != lane.closed:
            self._note_gate(lane)
        self.freed(lane, now)

    def freed(self, lane: Lane, now: float) -> None:
        """A send of the lane has ended, and its permits are back: use the room."""
        model = self.models[lane.endpoint.model]
        if lane.share():  # so does whoever else was suspected of sharing it
            for each in self.lanes:
                each.share()
        self._look_for_copies(model, now)
        self._use(model, lane, now)

    # --- endpoints -------------------------------------------------------------------------

    def stop(self, lane: Lane, cause: StopCause, why: str, now: float) -> None:
        """The endpoint is unusable: its requests move, or fail where there is nowhere to go."""
        self.notices.append(("stopped", lane.endpoint.endpoint_id, why))
        lane.stopped, lane.stop_cause = why, cause
        model = self.models[lane.endpoint.model]
        model.unpin(lane)
        if not model.live:
            for pending in model.drain():
                self._fail(pending, lost.no_endpoint(model))
            return
        model.ask_supply_again()  # its share is anyone's now
        self._look_for_copies(model, now)
        self._pump(model, now)

    def _note_gate(self, lane: Lane) -> None:
        before, lane.closed = lane.closed, lane.controller.closed
        why = lane.closed or f"it was closed: {before}"
        kind: EventKind = "closed" if lane.closed else "opened"
        self.notices.append((kind, lane.endpoint.endpoint_id, why))

    # --- who gets what ---------------------------------------------------------------------

    def _seat(self, model: ModelQueue, now: float) -> None:
        """A slot for what waits, at the least loaded endpoint that has one.

        The others are left alone: they were filled when their own last send ended.
        """
        for lane in sorted(model.lanes, key=load):
            if not model.common:
                return
            self._fill(model, lane, now)

    def _pump(self, model: ModelQueue, now: float) -> None:
        """Give the model's free slots away, least loaded endpoint first."""
        if model.is_sharing:
            met = {m.name: m for lane in model.lanes for m in self._sharers(lane)}
            self._share(list(met.values()), now)
            return
        for lane in sorted(model.lanes, key=load):
            self._fill(model, lane, now)

    def _use(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Give the lane's free slots away, and with them those of all who share its limits."""
        if lane.shared:
            self._pump(model, now)
        else:
            self._fill(model, lane, now)

    def _fill(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Use the lane's room: first for what waits, then for new jobs."""
        while model.has_for(lane) or model.copies or self._may_start(model, lane, now):
            ready = self._wakes.ready_at(lane, now)
            if ready > now:
                self._wakes.set(lane, ready)
                return
            if not self._grant_next(model, lane, now):
                while self._may_start(model, lane, now) and self._start(model, lane):
                    pass
                return

    def _grant_next(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        pending = model.pop(lane)
        if pending is None:
            return False
        if lane in pending.avoid and pending.job.pinned_to is not lane:
            others = [x for x in model.lanes if x not in pending.avoid and x.ready_at(now) <= now]
            lane = min(others, key=load, default=lane)
        model.sent_at = now
        pending.queued_s += now - pending.queued_at
        model.move(pending.job, Status.FLYING)
        self._grant(pending, lane, now)
        return True

    def _grant(self, pending: PendingRequest, lane: Lane, now: float) -> None:
        pending.flight = Flight(lane, lane.take(now, pending.tokens))
        self.decided.append(pending)

    def _fail(self, pending: PendingRequest, error: CallError) -> None:
        pending.error = error
        self.decided.append(pending)

    # --- new jobs --------------------------------------------------------------------------

    def _may_start(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        few = lane.beginning < STARTS
        return few and model.has_more(lane) and not model.is_crowded(now)

    def _may_have_more(self, model: ModelQueue) -> bool:
        """Whether the supply has more for the model, or will; it may have nothing just now."""
        later = self._begins and bool(model.live) and self._source.remaining(model) > 0
        return later or not model.is_dry

    def _start(self, model: ModelQueue, lane: Lane) -> bool:
        """Begin a job for an idle slot of the lane; false when the supply has none."""
        play = self._source.take(model, lane)
        if play is None:
            return False
        self.begin(lane, play)
        return True

    # --- shared limits ---------------------------------------------------------------------

    def _sharers(self, lane: Lane) -> list[ModelQueue]:
        """The models that meet the lane's own at the limits that it shares."""
        return [self.models[name] for limit in lane.shared for name in limit.models]

    def _share(self, models: list[ModelQueue], now: float) -> None:
        """One permit at a time to the model that has had the least for its remaining work.

        Where that model must begin a job first, the permit is kept for it for a moment.
        """
        hungry = [m for m in models if m.is_hungry]
        while hungry:
            model = min(hungry, key=lambda m: m.passed)
            if any(self._grant_next(model, x, now) for x in self._ready_lanes(model, now)):
                step = 1 / max(1, self._source.left(model))
                self._virtual = max(self._virtual, model.passed)
                model.passed = max(model.passed, self._virtual - LAG * step) + step
                continue
            ready_lanes = self._ready_lanes(model, now)
            lane = next((x for x in ready_lanes if self._claims(model, x, now)), None)
            if lane is not None:
                self._wakes.set(lane, model.claimed_at + CLAIM_S)
                break
            hungry.remove(model)
        for model in models:
            for lane in model.lanes:
                if (ready := lane.ready_at(now)) > now:
                    self._note_wake(model, lane, ready)

    def _ready_lanes(self, model: ModelQueue, now: float) -> Iterator[Lane]:
        """Those that have room; each may have requests, and a share of the supply, of its own."""
        return (lane for lane in model.lanes if lane.ready_at(now) <= now)

    def _claims(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        """Whether a job of the model has just been begun, and its request is about to come."""
        begun = model.counts[Status.BEGINNING] > 0
        if not begun and self._may_start(model, lane, now) and self._start(model, lane):
            model.claimed_at = now
        return model.counts[Status.BEGINNING] > 0 and now < model.claimed_at + CLAIM_S

    # --- second copies ---------------------------------------------------------------------

    def _copy(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Room for second copies, where it is left when all that is under way has a slot."""
        met = self._sharers(lane)
        while model.copies and has_spare_room(model, lane, met) and lane.ready_at(now) <= now:
            copy = next((x for x in model.copies if lane not in x.avoid), None)
            if copy is None:
                return
            del model.copies[copy]
            self._grant(copy, lane, now)

    def _look_for_copies(self, model: ModelQueue, now: float) -> None:
        """In a moment: a job that has just been answered may ask again at once."""
        if model.copies:
            for lane in model.lanes:
                self._wakes.set(lane, now + SETTLES_S)

    # --- time ------------------------------------------------------------------------------

    def _note_wake(self, model: ModelQueue, lane: Lane, ready: float) -> None:
        if ready < inf and (model.has_for(lane) or model.copies or model.has_more(lane)):
            self._wakes.set(lane, ready)
