"""Who gets which slot: what waits, then new jobs, then second copies of stragglers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from stormproof.pool.endpoint import Lane, load
from stormproof.pool.hedging import has_spare_room
from stormproof.pool.jobs import ActiveJob, Flight, Job, PendingRequest, Status
from stormproof.pool.model_queue import JobSource, ModelQueue
from stormproof.pool.wakes import Wakes

CLAIM_S = 0.05  # a shared permit is kept so long for a job that was begun for it
LAG = 8  # shared permits that a model may catch up on after it had nothing to send
SETTLES_S = 0.01  # after something has changed, until room for second copies is looked for
STARTS = 4  # jobs begun for one idle endpoint that have not asked yet


class Grants:
    """Work-conserving: no endpoint has room while a request that it could serve waits.

    What cannot be used now sets a wake. Models that share a limit get shares of it in proportion to
    their remaining work, so that they finish together.
    """

    def __init__(self, models: Mapping[str, ModelQueue], wakes: Wakes, *, even: bool) -> None:
        # The scheduler's, which fills and empties the queues. Never change.
        self._models = models
        self._wakes = wakes
        # Whether each endpoint has a share of the supply of its own. Never changes.
        self._even = even
        # Where jobs come from. Set once, by the scheduler's opening; before that there are none.
        self.source = JobSource(None, even=False)
        # Jobs begun and requests granted, in order; the scheduler's lists of what was decided.
        self.begun: list[ActiveJob] = []
        self.decided: list[PendingRequest] = []
        # What the model served last at a shared limit had passed before. It only grows.
        self._virtual = 0.0

    def seat(self, model: ModelQueue, now: float) -> None:
        """A slot for what waits, at the least loaded endpoint that has one.

        The others are left alone: they were filled when their own last send ended.
        """
        for lane in sorted(model.lanes, key=load):
            if not model.common.heap:
                return
            self.fill(model, lane, now)

    def pump(self, model: ModelQueue, now: float) -> None:
        """Give the model's free slots away, least loaded endpoint first."""
        if model.is_sharing:
            met = {m.name: m for lane in model.lanes for m in self._sharers(lane)}
            self._share(list(met.values()), now)
            return
        for lane in sorted(model.lanes, key=load):
            self.fill(model, lane, now)

    def use(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Give the lane's free slots away, and with them those of all who share its limits."""
        if lane.shared:
            self.pump(model, now)
        else:
            self.fill(model, lane, now)

    def fill(self, model: ModelQueue, lane: Lane, now: float) -> None:
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

    # --- new jobs --------------------------------------------------------------------------

    def begin(self, lane: Lane, play: Job) -> ActiveJob:
        """Begin a job for an idle slot of the lane."""
        job = ActiveJob(play, lane, pinned=self._even)
        self._models[job.model].admit(job)
        self.begun.append(job)
        return job

    def _may_start(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        few = lane.beginning < STARTS
        return few and model.has_more(lane) and not model.is_crowded(now)

    def _start(self, model: ModelQueue, lane: Lane) -> bool:
        """Begin a job for an idle slot of the lane; false when the supply has none."""
        play = self.source.take(model, lane)
        if play is None:
            return False
        self.begin(lane, play)
        return True

    # --- shared limits ---------------------------------------------------------------------

    def _sharers(self, lane: Lane) -> list[ModelQueue]:
        """The models that meet the lane's own at the limits that it shares."""
        return [self._models[name] for limit in lane.shared for name in limit.models]

    def _share(self, models: list[ModelQueue], now: float) -> None:
        """One permit at a time to the model that has had the least for its remaining work.

        Where that model must begin a job first, the permit is kept for it for a moment.
        """
        hungry = [m for m in models if m.is_hungry]
        while hungry:
            model = min(hungry, key=lambda m: m.passed)
            if any(self._grant_next(model, x, now) for x in self._ready_lanes(model, now)):
                step = 1 / max(1, self.source.left(model))
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

    def copy(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Room for second copies, where it is left when all that is under way has a slot."""
        met = self._sharers(lane)
        while model.copies and has_spare_room(model, lane, met) and lane.ready_at(now) <= now:
            copy = next((x for x in model.copies if lane not in x.avoid), None)
            if copy is None:
                return
            del model.copies[copy]
            self._grant(copy, lane, now)

    def look_for_copies(self, model: ModelQueue, now: float) -> None:
        """In a moment: a job that has just been answered may ask again at once."""
        if model.copies:
            for lane in model.lanes:
                self._wakes.set(lane, now + SETTLES_S)

    # --- time ------------------------------------------------------------------------------

    def _note_wake(self, model: ModelQueue, lane: Lane, ready: float) -> None:
        if ready < inf and (model.has_for(lane) or model.copies or model.has_more(lane)):
            self._wakes.set(lane, ready)
