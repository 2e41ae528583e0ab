"""Who goes next, and where: matches waiting requests with endpoints that have room. No I/O."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from math import inf

from stormproof.control.pace import Ceiling
from stormproof.control.shared import Level
from stormproof.domain.pool import Endpoint, Limits, RateMode
from stormproof.pool.lane import Group, Lane, ModelQueue
from stormproof.pool.queue import Waiting

Begin = Callable[[ModelQueue, Lane], bool]
Remaining = Callable[[Waiting], float]

CLAIM_S = 0.05  # a shared permit is kept so long for a job that was begun for it
LAG = 8  # shared permits that a model may catch up on after it had nothing to send
HOLDS_S = 0.05  # a lane's word that it is not ready; it may hear of silent acceptances meanwhile
SETTLES_S = 0.01  # after something has changed, until room for second copies is looked for
STARTS = 4  # jobs begun for one idle endpoint that have not asked yet


def by_turn(waiting: Waiting) -> float:
    """Expected remaining turns, where nothing better is known: the younger, the more."""
    return -float(waiting.request.turn)


class Scheduler:
    """Work-conserving: no endpoint has room while a request that it could serve waits.

    `begin(model, lane)` starts a job for an idle slot and says whether there was one.
    `weight(model)` is a model's remaining work; models that share a limit get shares of it in
    this proportion, so that they finish together.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], rate_mode: RateMode, *, stagger: Sequence[float] = ()
    ) -> None:
        self.lanes: list[Lane] = []
        self.models: dict[str, ModelQueue] = {}
        self.begin: Begin = lambda model, lane: False  # noqa: ARG005  until the dispatcher sets it
        self.weight: Callable[[ModelQueue], float] = lambda model: 1.0  # noqa: ARG005  likewise
        self.remaining: Remaining = by_turn
        self._stagger = tuple(stagger)
        self._virtual = 0.0  # what the model served last had passed
        self._wakes: list[tuple[float, int]] = []
        self._told: list[tuple[float, float, int]] = []  # by place: ready, until, in flight
        groups: dict[str, Group] = {}
        levels = undeclared(endpoints) if rate_mode == "adaptive" else {}
        self._learned: dict[Level, Group] = {}
        for endpoint in endpoints:
            self._add(endpoint, rate_mode, groups, levels.get(endpoint.number))

    def open_at(self, now: float) -> None:
        """Begin: each endpoint of a model at its stagger offset."""
        for model in self.models.values():
            model.served_at = model.sent_at = now
            for place, lane in enumerate(model.lanes):
                offset = self._stagger[place % len(self._stagger)] if self._stagger else 0.0
                lane.starts_at = now + offset
        for model in self.models.values():
            self.pump(model, now)

    def enqueue(self, waiting: Waiting, now: float) -> None:
        """Grant a slot at once where one is free, else queue."""
        model = self.models[waiting.request.model]
        lane = waiting.job.lane
        pinned = lane is not None and not lane.stopped
        line = lane.line if pinned and lane else model.line
        waiting.queued_at = now
        line.push(waiting, self.remaining(waiting))
        if any(each.groups for each in model.lanes):
            self.pump(model, now)
        elif len(line) > 1:
            return  # those before it have looked for room, and set the wakes
        elif pinned and lane:
            self._fill(model, lane, now)
        else:
            self._seat(model, now)

    def enqueue_copy(self, copy: Waiting, now: float) -> None:
        """A second copy of a request: granted where room would otherwise stay idle."""
        model = self.models[copy.request.model]
        model.copies[copy] = None
        self._look_for_copies(model, now)

    def withdraw(self, waiting: Waiting) -> None:
        """A copy is no longer wanted."""
        self.models[waiting.request.model].copies.pop(waiting, None)

    def _seat(self, model: ModelQueue, now: float) -> None:
        """A slot for what waits, at the least loaded endpoint that has one.

        The others are left alone: they were filled when their own last send ended.
        """
        for lane in sorted(model.lanes, key=_load):
            if not model.line:
                return
            self._fill(model, lane, now)

    def pump(self, model: ModelQueue, now: float) -> None:
        """Give the model's free slots away, least loaded endpoint first."""
        self._look_for_copies(model, now)
        self._pump(model, now)

    def _pump(self, model: ModelQueue, now: float) -> None:
        shared = {id(m): m for lane in model.lanes for m in _sharers(lane)}
        if shared:
            self._share(list(shared.values()), now)
            return
        for lane in sorted(model.lanes, key=_load):
            self._fill(model, lane, now)

    def freed(self, lane: Lane, now: float) -> None:
        """A send of the lane has ended."""
        model = self.models[lane.endpoint.model]
        if lane.level is not None:
            self._regroup(lane.level)
        self._look_for_copies(model, now)
        self._use(model, lane, now)

    def _regroup(self, level: Level) -> None:
        """Lanes whose level is to blame for refusals share what it grants, as if declared."""
        if (level.control is not None) == (level in self._learned):
            return
        old = self._learned.pop(level, None)
        lanes = [x for x in self.lanes if x.level is level]
        group = Group(level.name, Ceiling(Limits()))
        for lane in lanes:
            lane.groups = tuple(g for g in lane.groups if g is not old)
        if level.control is not None:
            self._learned[level] = group
            group.models = list({id(m): m for m in map(self._model, lanes)}.values())
            for lane in lanes:
                lane.groups = (*lane.groups, group)

    def _model(self, lane: Lane) -> ModelQueue:
        return self.models[lane.endpoint.model]

    def _use(self, model: ModelQueue, lane: Lane, now: float) -> None:
        if lane.groups:
            self._pump(model, now)
        else:
            self._fill(model, lane, now)

    def next_wake(self) -> float:
        """When `wake` must be called next, if nothing happens before; inf for never."""
        return self._wakes[0][0] if self._wakes else inf

    def wake(self, now: float) -> None:
        """Look again at the endpoints whose time has come."""
        due = []
        while self._wakes and self._wakes[0][0] <= now:
            at, number = heapq.heappop(self._wakes)
            lane = self.lanes[number]
            if lane.wakes_at == at:
                lane.wakes_at = inf
                due.append(lane)
        for lane in due:
            model = self.models[lane.endpoint.model]
            self._use(model, lane, now)
            self._copy(model, lane, now)

    def stop(self, lane: Lane, why: str, now: float) -> list[Waiting]:
        """The endpoint is unusable: its requests move; those returned have nowhere to go."""
        lane.stopped = why
        model = self.models[lane.endpoint.model]
        for waiting in lane.line.drain():
            model.line.push(waiting, self.remaining(waiting))
        if not model.live:
            return model.line.drain()
        model.set_dry(dry=False)  # its share of the supply is anyone's now
        self.pump(model, now)
        return []

    # --- inside ----------------------------------------------------------------------------

    def _add(
        self, endpoint: Endpoint, mode: RateMode, groups: dict[str, Group], level: Level | None
    ) -> None:
        model = self.models.setdefault(endpoint.model, ModelQueue(endpoint.model))
        mine = []
        for shared in endpoint.groups:
            group = groups.setdefault(shared.name, Group(shared.name, Ceiling(shared.limits)))
            if model not in group.models:
                group.models.append(model)
            mine.append(group)
        lane = Lane(endpoint, mode, mine, level)
        lane.place = len(self.lanes)
        self.lanes.append(lane)
        self._told.append((-inf, -inf, 0))
        model.lanes.append(lane)

    def _fill(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Use the lane's room: first for what waits, then for new jobs."""
        while lane.line or model.line or model.copies or self._may_start(model, lane, now):
            ready = self._ready_at(lane, now)
            if ready > now:
                self._wake_at(lane, ready)
                return
            if not self._grant_next(model, lane, now):
                self._start(model, lane, now)
                return

    def _ready_at(self, lane: Lane, now: float) -> float:
        """When the lane may send next. What it told last holds for a moment, or until a send ends.

        Shared limits change without it, so they are asked each time.
        """
        ready, until, in_flight = self._told[lane.place]
        if now < until and in_flight == lane.controller.in_flight and not lane.groups:
            return ready
        ready = lane.ready_at(now)
        until = min(ready, now + HOLDS_S)
        self._told[lane.place] = (ready, until, lane.controller.in_flight)
        return ready

    def _grant_next(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        own = lane.line or model.line
        waiting = own.pop()
        if waiting is None:
            return False
        if lane in waiting.avoid and own is model.line:
            others = [x for x in model.lanes if x not in waiting.avoid and x.ready_at(now) <= now]
            lane = min(others, key=_load, default=lane)
        model.sent_at = now
        waiting.queued_s += now - waiting.queued_at
        waiting.grant(lane, lane.take(now, waiting.tokens))
        return True

    def _copy(self, model: ModelQueue, lane: Lane, now: float) -> None:
        """Room for second copies, where it is left when all that is under way has a slot."""
        while model.copies and _spare(model, lane) and lane.ready_at(now) <= now:
            copy = next((x for x in model.copies if lane not in x.avoid), None)
            if copy is None:
                return
            del model.copies[copy]
            copy.grant(lane, lane.take(now, copy.tokens))

    def _look_for_copies(self, model: ModelQueue, now: float) -> None:
        """In a moment: a job that has just been answered may ask again at once."""
        if model.copies:
            for lane in model.lanes:
                self._wake_at(lane, now + SETTLES_S)

    def _may_start(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        return lane.starting < STARTS and not lane.dry and not model.is_crowded(now)

    def _start(self, model: ModelQueue, lane: Lane, now: float) -> None:
        while self._may_start(model, lane, now) and self.begin(model, lane):
            lane.starting += 1

    def _share(self, models: list[ModelQueue], now: float) -> None:
        """One permit at a time to the model that has had the least for its remaining work.

        Where that model must begin a job first, the permit is kept for it for a moment.
        """
        hungry = [m for m in models if m.hungry]
        while hungry:
            model = min(hungry, key=lambda m: m.passed)
            lane = next((x for x in model.lanes if x.ready_at(now) <= now), None)
            if lane is None:
                hungry.remove(model)
            elif self._grant_next(model, lane, now):
                step = 1 / max(1.0, self.weight(model))
                self._virtual = max(self._virtual, model.passed)
                model.passed = max(model.passed, self._virtual - LAG * step) + step
            elif self._claims(model, lane, now):
                self._wake_at(lane, model.claimed_at + CLAIM_S)
                break
            else:
                hungry.remove(model)
        for model in models:
            for lane in model.lanes:
                if (ready := lane.ready_at(now)) > now:
                    self._note_wake(model, lane, ready)

    def _claims(self, model: ModelQueue, lane: Lane, now: float) -> bool:
        """Whether a job of the model has just been begun, and its request is about to come."""
        begun = any(x.starting for x in model.lanes)
        if not begun and self._may_start(model, lane, now) and self.begin(model, lane):
            lane.starting += 1
            model.claimed_at = now
        return any(x.starting for x in model.lanes) and now < model.claimed_at + CLAIM_S

    def _note_wake(self, model: ModelQueue, lane: Lane, ready: float) -> None:
        if ready < inf and (model.line or lane.line or model.copies or not lane.dry):
            self._wake_at(lane, ready)

    def _wake_at(self, lane: Lane, at: float) -> None:
        if at < lane.wakes_at:
            lane.wakes_at = at
            heapq.heappush(self._wakes, (at, lane.place))


def undeclared(endpoints: Sequence[Endpoint]) -> dict[int, Level]:
    """The key above each endpoint, by number, where it has several and no declared limit."""
    by_key: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_key.setdefault(f"key {endpoint.provider}/{endpoint.key}", []).append(endpoint)
    return {
        endpoint.number: level
        for name, mine in by_key.items()
        if len(mine) > 1 and all(group.name != name for group in mine[0].groups)
        for level in [Level(name)]
        for endpoint in mine
    }


def _sharers(lane: Lane) -> list[ModelQueue]:
    """The models that meet the lane's own at its shared limits."""
    return [model for group in lane.groups for model in group.models]


def _spare(model: ModelQueue, lane: Lane) -> bool:
    """Whether there would be room here if all jobs under way asked at once."""
    if any(m.wants for m in (model, *_sharers(lane))):
        return False
    if model.busy + model.in_flight >= model.slots:
        return False
    return all(
        sum(m.busy for m in group.models) + group.ceiling.in_flight < group.ceiling.workers
        for group in lane.groups
    )


def _load(lane: Lane) -> int:
    return lane.controller.in_flight
