"""Runs jobs over endpoints: sends what the scheduler grants, and tells it what came back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from math import inf
from random import Random

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup
from msgspec.structs import replace

from stormproof.domain.calls import (
    Answer,
    Blocked,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Reply,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint, RateMode, Sharding
from stormproof.domain.reasons import COLLIDING
from stormproof.pool import lost
from stormproof.pool.bounds import Bounds, backoff
from stormproof.pool.endpoint import EndpointState, Lane
from stormproof.pool.hedging import Race, copy_after_s
from stormproof.pool.jobs import ActiveJob, Flight, PendingRequest, Supply
from stormproof.pool.lost import Hedge
from stormproof.pool.scheduler import Event, EventKind, Scheduler
from stormproof.wire.transport import Transport

TICK_S = 0.002  # wakes nearer than this are one
LOOK_S = 1.0  # between two looks for what is in trouble


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
        # What happened, oldest first; at most the last thousand.
        self.events = deque[Event](maxlen=1000)
        # As given. They never change.
        self._transport = transport
        self._hedge = hedge
        self._bounds = bounds or Bounds()
        self._on_event = on_event
        # Jitter of backoffs.
        self._rng = Random(rng_seed)  # noqa: S311  jitter, not secrets
        # Decides everything; hears of everything first. `_act` follows each call that decides.
        self._scheduler = Scheduler(
            endpoints, rate_mode, sharding=sharding, stagger=stagger, bounds=self._bounds
        )
        # The clock: anyio's until `run` finds the loop's own.
        self._now: Callable[[], float] = anyio.current_time
        # What the wall clock is ahead of that; 0 before `run`.
        self._wall_ahead_s = 0.0
        # Where jobs run: set while `run` runs.
        self._tasks: TaskGroup | None = None
        # Whether a person has heard of the likely cause of some HTTP 500. Never cleared.
        self._has_hinted = False
        # Of each job whose task has started and not ended.
        self._scopes: dict[ActiveJob, anyio.CancelScope] = {}
        # Of each send that went when nothing was known of how long answers take.
        self._unsure: dict[Flight, tuple[PendingRequest, anyio.CancelScope]] = {}
        # Of each request whose task sleeps until it is decided.
        self._sleepers: dict[PendingRequest, anyio.Event] = {}
        # Set to end the present wait of `_wakes`, which goes on until `_alarm_at`.
        self._alarm = anyio.Event()
        self._alarm_at = inf
        # When the grace of a drain is over; inf before a drain.
        self._drained_at = inf

    def snapshot(self) -> tuple[EndpointState, ...]:
        """Every endpoint now, in the order given."""
        return tuple(lane.state(self._wall_ahead_s) for lane in self._scheduler.lanes)

    @property
    def running(self) -> int:
        """Jobs under way."""
        return self._scheduler.under_way

    async def run(self, supply: Supply) -> None:
        """Run the supply's jobs; return when all have ended, or when drained.

        Jobs of a model none of whose endpoints lives are not begun.
        """
        self._now = _loop_clock()
        self._wall_ahead_s = time.time() - self._now()
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._watch)
            self._scheduler.open_at(self._now(), supply)
            self._act()
            await self._wakes()
            tasks.cancel_scope.cancel()
        self._tasks = None

    def look_again(self) -> None:
        """The supply has more than when it was last asked."""
        self._scheduler.look_again(self._now())
        self._act()

    def drain(self) -> None:
        """Begin nothing more; await what is in flight for the stated grace; then end.

        Jobs that wait for a slot are cancelled at once, the others at their next request.
        """
        if self._scheduler.draining:
            return
        self._drained_at = self._now() + self._bounds.drain_grace_s
        for job in self._scheduler.drain():
            self._cancel(job)
        self._act()
        self._alarm.set()

    # --- a job -----------------------------------------------------------------------------

    async def _play(self, job: ActiveJob) -> None:
        try:
            with anyio.CancelScope() as self._scopes[job]:
                await job.play(partial(self._ask, job))
        except BaseException:
            self._scheduler.begin_no_more()  # cancelled from outside, or broken: all ends now
            raise
        finally:
            del self._scopes[job]
            self._scheduler.end(job, self._now())
            self._act()
            if self._scheduler.is_done:
                self._alarm.set()

    def _cancel(self, job: ActiveJob) -> None:
        """End the job where it waits."""
        if scope := self._scopes.get(job):
            scope.cancel()

    # --- a request -------------------------------------------------------------------------

    async def _ask(self, job: ActiveJob, request: Request) -> Answer:
        """Send the request as often as it takes: granted, sent, heard of, and then answered."""
        pending = self._scheduler.ask(job, request, self._now())
        try:
            while True:
                if self._scheduler.draining:
                    self._cancel(job)
                    await anyio.lowlevel.checkpoint()
                self._act()
                flight = pending.flight or await self._granted(pending)
                if self._hedge == "all" and job.pinned_to is None and not pending.rejected_by:
                    flight, verdict = await self._race(pending, flight)
                else:
                    verdict = await self._send(pending, flight)
                if isinstance(verdict, Ok):
                    job.answered += 1
                    lost.own_up(pending, self._now() - flight.sent.at)
                    return _answer(pending, flight, verdict.reply, self._now())
                if isinstance(verdict, (Overlong, Blocked)):
                    raise lost.ended(flight.lane, verdict)
                if isinstance(verdict, Rejected) and not self._scheduler.may_do_better(pending):
                    raise lost.rejected(flight.lane, verdict)
                await self._before_next_try(pending, flight, verdict)
                self._scheduler.queue(pending, self._now())
        finally:
            self._scheduler.work(job)

    async def _granted(self, pending: PendingRequest) -> Flight:
        """Wait until the scheduler has decided."""
        if pending.flight is None and pending.error is None:
            await self._sleep(pending)
        if pending.error is not None:
            raise pending.error
        assert pending.flight is not None  # noqa: S101  it is decided
        return pending.flight

    async def _sleep(self, pending: PendingRequest) -> None:
        """Until it is decided; a request that is cancelled meanwhile is withdrawn."""
        self._sleepers[pending] = event = anyio.Event()
        try:
            await event.wait()
        except BaseException:
            self._sleepers.pop(pending, None)
            self._scheduler.withdraw(pending, self._now())
            self._act()
            raise

    async def _send(self, pending: PendingRequest, flight: Flight) -> Verdict:
        """Send once, and tell the scheduler what came of it."""
        verdict = None
        pending.attempts += 1
        patience_s = self._patience_s(pending, flight.lane)
        try:
            sending = self._transport.send(
                flight.lane.endpoint,
                pending.request,
                timeout_s=patience_s,
                attempt=pending.attempts,
            )
            if patience_s < self._bounds.request_timeout_s:
                verdict = await sending
            else:
                verdict = await self._unsure_of(pending, flight, sending)
            if not isinstance(verdict, Ok):
                verdict = self._understood(pending, flight, verdict, patience_s)
            return verdict
        finally:
            self._scheduler.hear(flight, verdict, self._now())
            self._act()

    def _understood(
        self, pending: PendingRequest, flight: Flight, verdict: Verdict, patience_s: float
    ) -> Verdict:
        """What came in place of a reply, as what it means for this request."""
        lane, silent_s = flight.lane, self._now() - flight.sent.at
        if isinstance(verdict, Transient):
            patience_s = min(patience_s, self._patience_s(pending, lane))
            if lost.is_lost(silent_s, patience_s, self._bounds):
                lost.give_up(pending, lane, silent_s, begun=verdict.paid)
                verdict = replace(verdict, reason=f"lost: silent for {patience_s:.0f} s")
                text = f"a call of {pending.request.trial_id}: silent for {patience_s:.0f} s"
                self._say("lost", lane.endpoint.endpoint_id, text)
        if isinstance(verdict, Overlong) and pending.request.turn == 0:
            verdict = lost.opening_rejected(verdict)
        if isinstance(verdict, Rejected):
            pending.rejected_by.add(lane)
        return verdict

    def _patience_s(self, pending: PendingRequest, lane: Lane) -> float:
        """How long an answer is waited for, as far as is known now."""
        model = self._scheduler.models[pending.job.model]
        return lost.patience_s(self._bounds, self._hedge, lane, model, pending.failures)

    async def _unsure_of(
        self, pending: PendingRequest, flight: Flight, sending: Awaitable[Verdict]
    ) -> Verdict:
        """Where nothing is known of how long answers take, what is learnt meanwhile holds."""
        with anyio.CancelScope() as scope:
            self._unsure[flight] = pending, scope
            try:
                return await sending
            finally:
                del self._unsure[flight]
        return Transient("no answer")

    def _give_up_lost(self, now: float) -> None:
        """End what is silent for longer than is known by now that answers take."""
        for flight, (pending, scope) in self._unsure.items():
            if now - flight.sent.at > self._patience_s(pending, flight.lane):
                scope.cancel()

    async def _before_next_try(
        self, pending: PendingRequest, flight: Flight, verdict: Verdict
    ) -> None:
        """Refusals are free; an error counts against the request's tries, and is paused after.

        The errors of canaries do not, being the endpoint's, but for what may have to be paid.
        """
        model = self._scheduler.models[pending.job.model]
        pending.try_again(flight.lane, failed=not isinstance(verdict, Refused))
        if lost.may_collide(pending, verdict) and not self._has_hinted:
            self._has_hinted = True
            self._say("trouble", flight.lane.endpoint.endpoint_id, f"HTTP 500: {COLLIDING}")
        paid = isinstance(verdict, Transient) and verdict.paid
        known = flight.sent.canary and not paid
        if known or not isinstance(verdict, Transient):
            unserved_s = lost.unserved_s(pending, model, self._now())
            if unserved_s > self._bounds.unserved_s:
                raise lost.unserved(model, unserved_s)
        if not isinstance(verdict, Transient):
            return
        if not known:
            pending.failures += 1
            if pending.failures >= self._bounds.tries:
                raise lost.out_of_tries(flight.lane, verdict, pending.failures)
        self._scheduler.pause(pending.job)
        failures = 1 if known else pending.failures
        await anyio.sleep(backoff(self._bounds, failures, None, self._rng))

    # --- two copies of a request -----------------------------------------------------------

    async def _race(self, pending: PendingRequest, first: Flight) -> tuple[Flight, Verdict]:
        """Send a second copy where the first is silent for longer than answers take."""
        race = Race(pending)
        async with anyio.create_task_group() as copies:
            self._start_copy(copies, race, pending, first)
            await anyio.sleep(copy_after_s(first.lane))
            copy = pending.copy(self._now(), first.lane)
            self._scheduler.queue_copy(copy, self._now())
            self._act()
            self._start_copy(copies, race, pending, await self._granted(copy))
        return race.result(self._now())

    def _start_copy(
        self, copies: TaskGroup, race: Race, pending: PendingRequest, flight: Flight
    ) -> None:
        race.started(flight)
        copies.start_soon(self._fly, copies, race, pending, flight)

    async def _fly(
        self, copies: TaskGroup, race: Race, pending: PendingRequest, flight: Flight
    ) -> None:
        if race.ended(flight, await self._send(pending, flight)):
            copies.cancel_scope.cancel()

    # --- what was decided, and time --------------------------------------------------------

    def _act(self) -> None:
        """Do what the scheduler has decided since this was last called."""
        scheduler = self._scheduler
        if scheduler.begun and self._tasks is not None:
            for job in scheduler.begun:
                self._tasks.start_soon(self._play, job)
            scheduler.begun.clear()
        if scheduler.decided:
            for pending in scheduler.decided:
                if event := self._sleepers.pop(pending, None):
                    event.set()
            scheduler.decided.clear()
        if scheduler.notices:
            for kind, subject, text in scheduler.notices:
                self._say(kind, subject, text)
            scheduler.notices.clear()
        if scheduler.next_wake() < self._alarm_at:
            self._alarm.set()

    async def _wakes(self) -> None:
        """Wake the scheduler when it asked for it, until everything has ended."""
        while not self._scheduler.is_done:
            self._alarm = anyio.Event()
            self._alarm_at = min(self._scheduler.next_wake(), self._drained_at)
            wait_s = self._alarm_at - self._now()
            with anyio.move_on_after(max(TICK_S, wait_s)):
                await self._alarm.wait()
            self._scheduler.wake(now := self._now())
            self._act()
            if now >= self._drained_at:
                break

    async def _watch(self) -> None:
        while True:
            await anyio.sleep(LOOK_S)
            self._scheduler.watch(now := self._now())
            self._give_up_lost(now)
            self._act()
            if self._scheduler.is_done:
                self._alarm.set()

    def _say(self, kind: EventKind, subject: str, text: str) -> None:
        event = Event(time.time(), kind, subject, text)
        self.events.append(event)
        if self._on_event:
            self._on_event(event)


def _answer(pending: PendingRequest, flight: Flight, reply: Reply, now: float) -> Answer:
    """The reply, and how it was got."""
    return Answer(
        reply=reply,
        endpoint_id=flight.lane.endpoint.endpoint_id,
        attempts=pending.attempts,
        queued_ms=1000 * pending.queued_s,
        latency_ms=1000 * (now - flight.sent.at),
        hedged=pending.hedged,
        at=time.time(),
    )


def _loop_clock() -> Callable[[], float]:
    """The running loop's own clock: a tenth of what asking anyio costs, several times a call."""
    try:
        return asyncio.get_running_loop().time
    except RuntimeError:  # trio
        return anyio.current_time
