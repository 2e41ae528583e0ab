"""Runs jobs over endpoints: sends what the scheduler grants, and acts on what comes back."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from random import Random

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from stormproof.control.bounds import Bounds, backoff
from stormproof.control.controller import Sent
from stormproof.domain.calls import (
    Answer,
    Denied,
    Ok,
    Refused,
    Rejected,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint, RateMode, Sharding
from stormproof.errors import RequestRejected, TransientFailure
from stormproof.pool.clock import clock
from stormproof.pool.failures import estimated_tokens, no_endpoint, unserved, used_tokens
from stormproof.pool.lane import Lane, ModelQueue
from stormproof.pool.queue import RETRY, Running, Waiting
from stormproof.pool.race import Race
from stormproof.pool.records import EndpointState, Event, EventKind, Hedge, Job, Supply
from stormproof.pool.scheduler import Scheduler
from stormproof.pool.watchdog import Watchdog
from stormproof.wire.transport import Transport

TICK_S = 0.002  # wakes nearer than this are one
EARLY = 0.999  # of a time limit: timers round, and so do clocks


class Dispatcher:
    """Drives every endpoint at what its controller allows.

    `stagger` holds start offsets in seconds for a model's first, second, … endpoint. `on_event`
    is called with each `Event`; the last thousand stay in `events`. `hedge`: send again what is
    `lost`; for `all` stragglers let a second copy race the first besides (which favours short
    answers), in room that nobody else wants; or `none`. What is cancelled for it is counted in
    `EndpointState.hedges`, never scored.
    """

    def __init__(  # noqa: PLR0913  the run's switches, each named by its caller
        self,
        endpoints: Sequence[Endpoint],
        transport: Transport,
        *,
        rate_mode: RateMode = "adaptive",
        sharding: Sharding = "dynamic",
        stagger: Sequence[float] = (),
        hedge: Hedge = "lost",
        bounds: Bounds | None = None,
        rng_seed: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.events = deque[Event](maxlen=1000)
        self.rejections = Counter[str]()
        self._transport = transport
        self._now: Callable[[], float] = anyio.current_time
        self._even = sharding == "even"
        self._hedge = hedge
        self._bounds = bounds or Bounds()
        self._rng = Random(rng_seed)  # noqa: S311  jitter, not secrets
        self._on_event = on_event
        self._scheduler = Scheduler(endpoints, rate_mode, stagger=stagger)
        self._running: set[Running] = set()
        self._alarm = anyio.Event()
        self._alarm_at = inf
        self._supply: Supply | None = None
        self._tasks: TaskGroup | None = None
        self._draining = self._over = False
        self._drained_at = inf

    def snapshot(self) -> tuple[EndpointState, ...]:
        """Every endpoint now, in the order given."""
        return tuple(lane.state() for lane in self._scheduler.lanes)

    @property
    def running(self) -> int:
        """Jobs under way."""
        return len(self._running)

    async def run(self, supply: Supply) -> None:
        """Run the supply's jobs; return when all have ended, or when drained.

        Jobs of a model none of whose endpoints lives are not begun.
        """
        self._supply = supply
        self._now = clock()
        scheduler = self._scheduler
        scheduler.begin = self._begin
        scheduler.weight = lambda model: float(supply.remaining(model.name) + model.running)
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            watchdog = Watchdog(scheduler, self._bounds, self._now, self._say, self._stop)
            tasks.start_soon(watchdog.watch)
            scheduler.open_at(self._now())
            if self._running or not self._dry:
                await self._wakes()
            tasks.cancel_scope.cancel()
        self._tasks = None

    def drain(self) -> None:
        """Begin nothing more; await what is in flight for the stated grace; then end.

        Jobs that wait for a slot are cancelled at once, the others at their next request.
        """
        if self._draining:
            return
        self._draining = True
        self._drained_at = self._now() + self._bounds.drain_grace_s
        self._say("drain", "run", f"{len(self._running)} episodes under way, no new ones")
        for model in self._scheduler.models.values():
            model.set_dry(dry=True)
            model.copies.clear()
            for line in (model.line, *(lane.line for lane in model.lanes)):
                for waiting in line.drain():
                    waiting.job.cancel()
        self._alarm.set()

    # --- jobs ------------------------------------------------------------------------------

    @property
    def _dry(self) -> bool:
        return all(m.dry for m in self._scheduler.models.values())

    def _begin(self, model: ModelQueue, lane: Lane) -> bool:
        """Start a job for an idle slot of the lane; false when the supply has none."""
        if self._draining or self._over or self._supply is None or self._tasks is None:
            return False
        job = self._take(model, lane)
        if job is None:
            lane.dry = True
            if not self._even:
                model.set_dry(dry=True)
            return False
        running = Running(model.name, lane, pinned=self._even)
        self._running.add(running)
        model.running += 1
        model.busy += 1
        self._tasks.start_soon(self._run_job, job, running, model)
        return True

    def _take(self, model: ModelQueue, lane: Lane) -> Job | None:
        assert self._supply is not None  # noqa: S101  set by run
        if not self._even:
            return self._supply.take(model.name, None)
        orphans = [x for x in model.lanes if x.stopped]
        for shard in (lane, *orphans):
            if job := self._supply.take(model.name, shard.endpoint.number):
                return job
        return None

    async def _run_job(self, job: Job, running: Running, model: ModelQueue) -> None:
        try:
            with anyio.CancelScope() as running.scope:
                await job(partial(self._ask, running))
        except BaseException:
            self._over = True  # cancelled from outside, or broken: all of it ends now
            raise
        finally:
            self._asked(running)
            self._running.discard(running)
            model.running -= 1
            model.busy -= 1
            model.set_dry(dry=self._draining)
            now = self._now()
            self._scheduler.pump(model, now)
            self._set_alarm()
            if not self._running:
                self._alarm.set()

    def _asked(self, running: Running) -> None:
        """The job has asked for the first time, or ended without: the slot's claim is over."""
        if not running.asked:
            running.asked = True
            running.started_for.starting -= 1

    async def _ask(self, running: Running, request: Request) -> Answer:
        model = self._scheduler.models[request.model]
        model.busy -= 1
        try:
            return await self._served(running, request)
        finally:
            model.busy += 1

    async def _served(self, running: Running, request: Request) -> Answer:
        waiting = Waiting(running, request, estimated_tokens(request))
        model, began = self._scheduler.models[request.model], self._now()
        self._asked(running)
        while True:
            lane, sent, verdict = await self._sent(*await self._slot(waiting), waiting)
            if isinstance(verdict, Ok):
                running.answered += 1
                return waiting.answer(verdict.reply, lane, self._now() - sent.at)
            if isinstance(verdict, Rejected):
                raise RequestRejected(
                    f"{lane.endpoint.endpoint_id}: {verdict.reason}",
                    hint="the provider refuses this very request; the trial is not scored",
                )
            waiting.urgency = RETRY
            waiting.avoid.add(lane)
            if not isinstance(verdict, Transient):
                self._check_unserved(waiting, began)
            elif sent.canary and model.served_at:  # the endpoint's trouble, which was known
                self._check_unserved(waiting, began)
                await anyio.sleep(backoff(self._bounds, 1, None, self._rng))
            else:
                await self._pause(lane, waiting, verdict)

    async def _slot(self, waiting: Waiting) -> tuple[Lane, Sent]:
        """Wait until the scheduler grants a slot."""
        model = self._scheduler.models[waiting.request.model]
        if self._draining:
            waiting.job.cancel()
            await anyio.lowlevel.checkpoint()
        if not model.live:
            raise no_endpoint(model)
        waiting.reset()
        self._scheduler.enqueue(waiting, self._now())
        self._set_alarm()
        return await self._grant(waiting)

    async def _idle_room(self, waiting: Waiting, flying: Lane) -> tuple[Lane, Sent]:
        """Wait until another endpoint has room for a second copy."""
        copy = waiting.copy({flying, *waiting.avoid})
        if not self._draining:
            self._scheduler.enqueue_copy(copy, self._now())
            self._set_alarm()
        return await self._grant(copy)

    async def _grant(self, waiting: Waiting) -> tuple[Lane, Sent]:
        if not waiting.granted:
            waiting.event = anyio.Event()
            try:
                await waiting.event.wait()
            except BaseException:
                self._forsake(waiting)
                raise
        if waiting.error is not None:
            raise waiting.error
        assert waiting.granted is not None  # noqa: S101  the event says so
        return waiting.granted

    def _forsake(self, waiting: Waiting) -> None:
        """Cancelled while waiting: a slot that was granted meanwhile goes back."""
        self._scheduler.withdraw(waiting)
        if waiting.granted:
            lane, sent = waiting.granted
            now = self._now()
            lane.controller.abandoned(sent, now)
            lane.give_back(now, 0.0)
            self._scheduler.freed(lane, now)
            self._set_alarm()

    async def _sent(
        self, lane: Lane, sent: Sent, waiting: Waiting
    ) -> tuple[Lane, Sent, Verdict | None]:
        """Send, and a second copy if need be: whose verdict counts, and the verdict."""
        if self._hedge == "all" and waiting.job.lane is None:
            won = await Race(waiting, self._send, self._idle_room).run(lane, sent, self._now)
            return won.lane, won.sent, won.verdict
        waiting.attempts += 1
        return lane, sent, await self._send(lane, sent, waiting)

    async def _send(self, lane: Lane, sent: Sent, waiting: Waiting) -> Verdict:
        """Send once, and tell the controllers what came of it."""
        verdict: Verdict | None = None
        patience = self._patience(lane, waiting)
        try:
            verdict = await self._transport.send(
                lane.endpoint, waiting.request, timeout_s=patience, attempt=waiting.attempts
            )
            if isinstance(verdict, Transient) and self._is_lost(sent, patience):
                waiting.hedged = True
                lane.hedges += 1
                verdict = Transient(f"lost: silent for {patience:.0f} s")
                text = f"a call of {waiting.request.trial_id}: silent for {patience:.0f} s"
                self._say("lost", lane.endpoint.endpoint_id, text)
            return verdict
        finally:
            self._account(lane, sent, verdict)

    def _is_lost(self, sent: Sent, patience: float) -> bool:
        """Whether the transport was told to give up sooner than a request may take, and did."""
        return self._now() - sent.at >= EARLY * patience < EARLY * self._bounds.request_timeout_s

    def _patience(self, lane: Lane, waiting: Waiting) -> float:
        """How long to wait for an answer before the request counts as lost and goes elsewhere.

        Far beyond what answers take, so that no answer is preferred for being short. Whoever
        wants no hedging at all waits as long as a request may take.
        """
        bounds = self._bounds
        if self._hedge == "none" or waiting.failures + 1 >= bounds.tries:
            return bounds.request_timeout_s
        lost = max(bounds.lost_floor_s, bounds.lost_factor * lane.latency_p99_s)
        return min(bounds.request_timeout_s, lost)

    def _account(self, lane: Lane, sent: Sent, verdict: Verdict | None) -> None:
        now = self._now()
        control = lane.controller
        missed = 0.0
        match verdict:
            case Ok(reply=reply, rates=rates):
                tokens = used_tokens(reply, sent.tokens)
                missed = tokens - sent.tokens
                lane.took(now - sent.at)
                self._scheduler.models[lane.endpoint.model].served_at = now
                control.answered(sent, now, tokens, float(reply.usage.completion_tokens))
                if rates is not None:
                    control.told(rates)
            case Rejected():
                control.answered(sent, now, sent.tokens)
            case Refused(retry_after_s=told, exhausted=False):
                lane.refused += 1
                control.refused(sent, now, told)
            case Transient(reason=reason, retry_after_s=told):
                lane.errors += 1
                control.failed(sent, now, reason, told)
            case _:
                control.abandoned(sent, now)
        lane.give_back(now, missed)
        if isinstance(verdict, (Refused, Transient, Denied)):
            lane.in_trouble(verdict.reason, now)
        if isinstance(verdict, (Refused, Denied)):
            self._stop_if_unusable(lane, verdict, now)
        if control.closed != lane.closed:
            self._say_gate(lane)
        self._scheduler.freed(lane, now)
        self._set_alarm()

    def _stop_if_unusable(self, lane: Lane, verdict: Refused | Denied, now: float) -> None:
        if not lane.stopped and (isinstance(verdict, Denied) or verdict.exhausted):
            lane.quota = isinstance(verdict, Refused)
            self._stop(lane, verdict.reason, now)

    def _stop(self, lane: Lane, why: str, now: float) -> None:
        self._say("stopped", lane.endpoint.endpoint_id, why)
        model = self._scheduler.models[lane.endpoint.model]
        for waiting in self._scheduler.stop(lane, why, now):
            waiting.fail(no_endpoint(model))
        if not model.live:
            self._alarm.set()

    async def _pause(self, lane: Lane, waiting: Waiting, verdict: Transient) -> None:
        """Count an error against the request's budget, and wait before the next try."""
        waiting.failures += 1
        if waiting.failures >= self._bounds.tries:
            raise TransientFailure(
                f"{lane.endpoint.endpoint_id}: {verdict.reason} "
                f"(the last of {waiting.failures} tries)",
                hint="run the same command again later; finished trials are not repeated",
            )
        await anyio.sleep(backoff(self._bounds, waiting.failures, None, self._rng))

    def _check_unserved(self, waiting: Waiting, began: float) -> None:
        model = self._scheduler.models[waiting.request.model]
        if (since := self._now() - max(began, model.served_at)) > self._bounds.unserved_s:
            raise unserved(model, since)

    # --- time ------------------------------------------------------------------------------

    def _set_alarm(self) -> None:
        if self._scheduler.next_wake() < self._alarm_at:
            self._alarm.set()

    async def _wakes(self) -> None:
        """Wake the scheduler when it asked for it, until everything has ended."""
        while self._running or not self._dry:
            self._alarm = anyio.Event()
            self._alarm_at = min(self._scheduler.next_wake(), self._drained_at)
            wait = self._alarm_at - self._now()
            with anyio.move_on_after(max(TICK_S, wait)):
                await self._alarm.wait()
            self._scheduler.wake(now := self._now())
            if now >= self._drained_at:
                break

    def _say_gate(self, lane: Lane) -> None:
        before, lane.closed = lane.closed, lane.controller.closed
        why = lane.closed or f"it was closed: {before}"
        self._say("closed" if lane.closed else "opened", lane.endpoint.endpoint_id, why)

    def _say(self, kind: EventKind, subject: str, text: str) -> None:
        event = Event(time.time(), kind, subject, text)
        self.events.append(event)
        if self._on_event:
            self._on_event(event)
