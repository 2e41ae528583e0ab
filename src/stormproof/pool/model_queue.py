"""What waits for one model's endpoints, in the order in which it goes, and the model's jobs."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from math import inf

from stormproof.pool.endpoint import Lane, StopCause, load
from stormproof.pool.jobs import MOVES, ActiveJob, Job, PendingRequest, Status, Supply

BUSY = 32  # jobs of a model between two requests, before no more are begun; or half its slots
RECKONED_S = 0.05  # for how long a count of slots is good enough to judge that by
MOST_SLOTS = 1000  # of an endpoint without a known limit, in what a model can take at once

BEGINNING, WORKING, ENDED = Status.BEGINNING, Status.WORKING, Status.ENDED


class RequestQueue:
    """Retries first, then episodes under way, longest remaining first, then new ones."""

    def __init__(self) -> None:
        # A heap by urgency, remaining turns (the most first) and order of arrival. A withdrawn
        # request stays, and counts, until its turn has come. Empty where nothing waits, which is
        # asked several times a request: others look at it, and leave it as it is.
        self.heap: list[tuple[int, float, int, PendingRequest]] = []
        # Requests ever pushed: no two entries compare equal. It only grows.
        self._serial = 0

    def __len__(self) -> int:
        return len(self.heap)

    def push(self, pending: PendingRequest, remaining: float) -> None:
        """Queue a request whose episode is expected to need `remaining` more turns."""
        self._serial += 1
        heapq.heappush(self.heap, (pending.urgency, -remaining, self._serial, pending))

    def pop(self, suits: Callable[[PendingRequest], bool] | None = None) -> PendingRequest | None:
        """The request that goes next, of those that suit."""
        passed_over, found = list[tuple[int, float, int, PendingRequest]](), None
        while self.heap and found is None:
            entry = heapq.heappop(self.heap)
            pending = entry[3]
            if not pending.withdrawn:
                if suits is None or suits(pending):
                    found = pending
                else:
                    passed_over.append(entry)
        for entry in passed_over:
            heapq.heappush(self.heap, entry)
        return found

    def drain(self) -> list[PendingRequest]:
        """Take all, in no order."""
        taken = [entry[3] for entry in self.heap if not entry[3].withdrawn]
        self.heap.clear()
        return taken


class ModelQueue:
    """One model: its lanes, what waits for them, its jobs by status, its share of shared limits."""

    def __init__(self, name: str) -> None:
        # As results are filed. Never changes.
        self.name = name
        # Its endpoints in the order given, the stopped ones too. Complete before the opening.
        self.lanes: list[Lane] = []
        # Those that have not stopped. `add` and `stop` alone set it.
        self.live: list[Lane] = []
        # Requests that any lane may take.
        self.common = RequestQueue()
        # Requests of one living lane alone: with even sharding, and where others rejected them.
        self.pinned: dict[Lane, RequestQueue] = {}
        # Second copies wanted, oldest first; they take room that nobody else wants.
        self.copies: dict[PendingRequest, None] = {}
        # Jobs by status: counts[s] is the number of jobs with status s. `admit` and `move` set it.
        self.counts = [0] * len(Status)
        # Stride: what it has got of shared limits, over its remaining work. It only grows.
        self.passed = 0.0
        # When a job was last begun for a shared permit; -inf for never.
        self.claimed_at = -inf
        # When a request was last answered, and last sent; the opening, before the first.
        self.served_at = self.sent_at = 0.0
        # When it was last said that it is stuck; -inf for never.
        self.said_stuck_at = -inf
        # `slots` as it was when last reckoned, and until when that will do.
        self._slots = 0.0
        self._reckoned_until = -inf

    # --- jobs ------------------------------------------------------------------------------

    def admit(self, job: ActiveJob) -> None:
        """Count a job that was just taken from the supply."""
        self.counts[BEGINNING] += 1
        job.begun_for.beginning += 1

    def move(self, job: ActiveJob, status: Status) -> None:
        """Move a job to another status, and its count with it. See `Status`."""
        old = job.status
        if status not in MOVES[old]:
            raise RuntimeError(f"a job of {self.name} cannot go from {old.name} to {status.name}")
        job.status = status
        self.counts[old] -= 1
        self.counts[status] += 1
        if old is BEGINNING:
            job.begun_for.beginning -= 1

    @property
    def under_way(self) -> int:
        """Jobs that have not ended."""
        return sum(self.counts) - self.counts[ENDED]

    @property
    def busy(self) -> int:
        """Jobs at work without a request: just begun, or between two of them."""
        return self.counts[BEGINNING] + self.counts[WORKING]

    def is_crowded(self, now: float) -> bool:
        """Whether it is us who are slow here: more jobs would only wait with those at work."""
        busy = self.counts[BEGINNING] + self.counts[WORKING]
        if busy < BUSY:
            return False
        if now >= self._reckoned_until:
            self._reckoned_until = now + RECKONED_S
            self._slots = self.slots
        return busy >= self._slots / 2

    # --- what the supply has ---------------------------------------------------------------

    def has_more(self, lane: Lane) -> bool:
        """Whether the supply may have a job for the lane, as far as is known."""
        return lane.ended_when_empty < self.counts[ENDED]

    def ask_supply_again(self) -> None:
        """The supply may have for one lane what it had for another."""
        for lane in self.lanes:
            lane.ended_when_empty = lane.ended_when_empty if lane.ended_when_empty == inf else -1

    @property
    def is_dry(self) -> bool:
        """Whether the supply had nothing for any living lane when it was last asked."""
        return not any(self.has_more(lane) for lane in self.live)

    @property
    def is_hungry(self) -> bool:
        """Whether something waits, or could be begun."""
        return self.wants or any(map(self.has_more, self.lanes))

    # --- requests --------------------------------------------------------------------------

    def has_for(self, lane: Lane) -> bool:
        """Whether a request waits that the lane may take."""
        if self.common.heap:
            return True
        own = self.pinned.get(lane)
        return own is not None and bool(own.heap)

    def pop(self, lane: Lane) -> PendingRequest | None:
        """The lane's next request: of its own share before anyone's."""
        own = self.pinned.get(lane)
        if own is not None and (pending := own.pop()):
            return pending
        return self.common.pop(None if lane.closed == "" else partial(self._may_be_canary, lane))

    def _may_be_canary(self, lane: Lane, pending: PendingRequest) -> bool:
        """Whether a request may be risked at a shut lane: not where it failed, if others live."""
        return lane not in pending.avoid or pending.avoid.issuperset(self.live)

    def push(self, pending: PendingRequest) -> Lane | None:
        """Queue a request where the one lane that is to take it, or any, will find it.

        Gives that lane, None for any. How long an episode will be nobody knows: the younger it
        is, the more turns remain.
        """
        lane = self._place(pending)
        queue = self.common if lane is None else self.pinned.setdefault(lane, RequestQueue())
        queue.push(pending, -pending.request.turn)
        return lane

    def queued(self, lane: Lane | None) -> int:
        """How many requests wait for this lane alone; for None, those that any may take."""
        return len(self.common if lane is None else self.pinned.get(lane, ()))

    def untried(self, pending: PendingRequest) -> list[Lane]:
        """Living lanes that have not rejected the request."""
        return [lane for lane in self.live if lane not in pending.rejected_by]

    def _place(self, pending: PendingRequest) -> Lane | None:
        """Its job's own lane, while that lives; after a rejection one that may do better."""
        if pending.rejected_by and (others := self.untried(pending)):
            return min(others, key=lambda lane: (lane.closed != "", load(lane)))
        lane = pending.job.pinned_to
        return None if lane is None or lane.stopped or lane.is_rejecting else lane

    def unpin(self, lane: Lane) -> None:
        """The lane has stopped, or rejects everything: any other may take what waited for it."""
        if queue := self.pinned.pop(lane, None):
            for pending in queue.drain():
                self.push(pending)

    def drain(self) -> list[PendingRequest]:
        """Take all that waits, in no order."""
        return [x for queue in (self.common, *self.pinned.values()) for x in queue.drain()]

    @property
    def waiting(self) -> int:
        """Requests queued for any or for one of its lanes."""
        return len(self.common) + sum(map(len, self.pinned.values()))

    @property
    def wants(self) -> bool:
        """Whether a request waits, or is about to come."""
        return bool(self.common or self.counts[BEGINNING] or any(self.pinned.values()))

    # --- endpoints -------------------------------------------------------------------------

    def add(self, lane: Lane) -> None:
        """One more endpoint of the model."""
        self.lanes.append(lane)
        self.live.append(lane)

    def stop(self, lane: Lane, cause: StopCause, why: str) -> None:
        """The endpoint is given up for this run."""
        lane.stopped, lane.stop_cause = why, cause
        self.live = [each for each in self.live if each is not lane]  # who goes through it may stop

    @property
    def rests_until(self) -> float:
        """When the last of its lanes begins, or goes on after a wait for a day's quota."""
        return max((lane.rests_until for lane in self.live), default=-inf)

    @property
    def is_sharing(self) -> bool:
        """Whether a shared limit is in force for any of its lanes."""
        for lane in self.lanes:  # noqa: SIM110  asked for each request: a generator costs thrice
            if lane.shared:
                return True
        return False

    @property
    def slots(self) -> float:
        """How many requests its endpoints are known to take at once."""
        return sum(min(MOST_SLOTS, lane.controller.view().window) for lane in self.live)

    @property
    def in_flight(self) -> int:
        """Sends of all its lanes that have not ended."""
        return sum(lane.controller.in_flight for lane in self.lanes)


class JobSource:
    """The supply, and to which lane it gives what: with `even` shares, first the lane's own.

    Lanes that have stopped, or reject everything, leave their shares to the others.
    """

    def __init__(self, supply: Supply | None, *, even: bool) -> None:
        # As given: None for no work. They never change.
        self._supply = supply
        self._even = even

    def take(self, model: ModelQueue, lane: Lane) -> Job | None:
        """A job for an idle slot of the lane. Where there is none, that is noted at the lane."""
        job = self._take(model, lane) if self._supply else None
        if job is None:
            for each in (lane,) if self._even else model.lanes:
                each.ended_when_empty = max(each.ended_when_empty, model.counts[ENDED])
        return job

    def left(self, model: ModelQueue) -> int:
        """Jobs of the model that have not ended, begun or not."""
        return model.under_way + self.remaining(model)

    def remaining(self, model: ModelQueue) -> int:
        """Jobs of the model that have not begun, those that only come later too."""
        return self._supply.remaining(model.name) if self._supply else 0

    def _take(self, model: ModelQueue, lane: Lane) -> Job | None:
        assert self._supply is not None  # noqa: S101  asked before
        if not self._even:
            return self._supply.take(model.name, None)
        orphans = [x for x in model.lanes if x.stopped or x.is_rejecting]
        for shard in (lane, *orphans):
            if job := self._supply.take(model.name, shard.endpoint.number):
                return job
        return None
