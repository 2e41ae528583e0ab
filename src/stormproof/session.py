"""One run under way.

`Session` begins, watches and ends it; `Stop` is how anybody asks a run to end; `RunSummary` is what
came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import gmtime, monotonic, strftime
from typing import Any

import anyio
import msgspec
from msgspec import Struct

from stormproof.backends.desk import Crew
from stormproof.domain.reasons import in_lines
from stormproof.loop_watch import watch_loop
from stormproof.plan import Plan
from stormproof.pool import EndpointState, Event
from stormproof.pool.bounds import Bounds
from stormproof.progress import (
    Counts,
    EndpointProgress,
    Paces,
    Progress,
    Rates,
    TimeLeft,
    WorkerProgress,
)
from stormproof.run_desk import RunDesk, RunStore

REPORT_EVERY_S = 0.25
SAMPLE_EVERY_S = 1.0
HEED_EVERY_S = 0.05  # how late a request to stop may be heard
NOTEWORTHY = frozenset({"stopped", "stuck", "trouble"})  # events to be heard of at once

OnProgress = Callable[[Progress], object]


class RunSummary(Struct, frozen=True):
    """What a run leaves behind. `ran` counts the episodes that ended in this run.

    `results` is the results folder, "" where the records went into a store of the caller's own.
    `planned`, `scored`, `blocked` and `infrastructure` count trials; `calls` and `tokens` are this
    run's. `reasons` are those of the infrastructure episodes, each counted, the most frequent
    first; `faults` those among them in which the suite broke. `discarded` replies came with a
    success status and were none, `discarded_tokens` is what they said they cost; `hedged` calls
    were given up for a copy elsewhere: these may have to be paid as well. `false_alarms` among them
    are known to have been given up too early.
    `stopped` names each endpoint that was given up, with the reason and since when; `silent` those
    that have answered nothing, and where trials are left without a score also those whose last call
    was refused or failed.
    `notices` are the lines that `Progress` had last.
    """

    results: str
    planned: int
    scored: int
    infrastructure: int
    ran: int
    calls: int
    tokens: int
    elapsed_s: float
    simulated: bool
    interrupted: bool = False
    stopped: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    blocked: int = 0
    reasons: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    discarded: int = 0
    discarded_tokens: int = 0
    hedged: int = 0
    false_alarms: int = 0

    @property
    def remaining(self) -> int:
        """Trials that the next run would do."""
        return self.planned - self.scored - self.blocked


class Stop:
    """Asks a run to end: from a signal handler, a callback or any other thread.

    The run looks every `HEED_EVERY_S`. The same options go on from there.
    """

    def __init__(self) -> None:
        # Set by whoever asks, read by the run; neither is ever unset, and cancelled is draining.
        self._is_draining = self._is_cancelled = False

    @property
    def is_draining(self) -> bool:
        """Whether anybody has asked."""
        return self._is_draining

    @property
    def is_cancelled(self) -> bool:
        """Whether it should end at once."""
        return self._is_cancelled

    def drain(self) -> None:
        """Begin nothing new; let the requests in flight end, within a stated grace."""
        self._is_draining = True

    def cancel(self) -> None:
        """End at once. Requests in flight are lost, though they may have to be paid."""
        self._is_draining = self._is_cancelled = True


class Session:
    """A plan being carried out by a crew into a store."""

    def __init__(
        self,
        plan: Plan,
        store: RunStore,
        *,
        simulated: bool = False,
        on_progress: OnProgress | None = None,
        stop: Stop | None = None,
    ) -> None:
        # What this run is to do; never changed, not even by what has been done.
        self.plan = plan
        # Open for as long as the session lives; whoever made the session opens and closes it.
        self.store = store
        # Read here; asked by anybody, and by the session where `on_progress` fails.
        self.stop = stop or Stop()
        self._on_progress = on_progress
        # What `on_progress` raised; it is not called again, and the run drains.
        self._callback_error: Exception | None = None
        cells = (
            (c.model, c.condition, c.planned, c.done - c.blocked, c.blocked) for c in plan.cells
        )
        # Set by the desk alone; everything that is shown of trials and calls comes from it.
        self._counts = Counts(cells, simulated=simulated)
        self._desk = RunDesk(plan, store, self._counts)
        # The plan's and the store's, those of endpoints and of a loop that is held as they happen,
        # a last one of `close`; only appended to.
        self._notices = [*plan.notices, *store.notices]
        # Of accepted sends by endpoint id; fed once every SAMPLE_EVERY_S.
        self._rates = Rates()
        # Of ended episodes by model; fed with `_rates`.
        self._paces = Paces()
        # When what is in flight is given up, on the monotonic clock; None before a drain.
        self._drained_by: float | None = None
        # Where every `elapsed_s` counts from.
        self._start = monotonic()
        # None until `run` has begun: a plan without anything left needs none.
        self._crew: Crew | None = None

    async def run(self, crew: Crew) -> None:
        """Run until nothing is left, or until asked to stop."""
        self._crew = crew
        if self.stop.is_draining:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._heed_stop, crew, tasks.cancel_scope)
            tasks.start_soon(self._report_on)
            tasks.start_soon(self._sample)
            tasks.start_soon(watch_loop, self.say)
            await crew.run(self._desk)
            tasks.cancel_scope.cancel()

    def hear(self, event: Event) -> None:
        """The crew tells what happened to an endpoint."""
        if event.kind in NOTEWORTHY:
            self.say(f"{event.kind}: {event.subject}: {event.text}")

    def say(self, line: str) -> None:
        """Tell whoever watches."""
        self._notices.append(line)

    def close(self) -> RunSummary:
        """Report a last time; raise what `on_progress` raised; else say what came of it."""
        if self._desk.reread_count.turns:
            self.say(str(self._desk.reread_count))
        self._report()
        if self._callback_error is not None:
            raise self._callback_error
        return self._summary()

    def progress(self) -> Progress:
        """How it stands now."""
        counts, now = self._counts, monotonic()
        endpoints = tuple(self._endpoint(state) for state in self._states())
        draining = self.stop.is_draining
        return Progress(
            elapsed_s=now - self._start,
            cells=counts.cells(),
            endpoints=endpoints,
            calls=counts.calls,
            tokens=counts.tokens,
            under_way=counts.under_way,
            done_before=counts.done_before,
            simulated=counts.simulated,
            draining=draining,
            notices=tuple(self._notices),
            drain_left_s=None if self._drained_by is None else max(0.0, self._drained_by - now),
            time_left=None if draining else self._time_left(now - self._start, endpoints),
            workers=self._workers(),
        )

    # --- beside the crew -------------------------------------------------------------------

    async def _heed_stop(self, crew: Crew, everything: anyio.CancelScope) -> None:
        while not self.stop.is_draining:  # noqa: ASYNC110  any thread may ask, a loop's event is its own
            await anyio.sleep(HEED_EVERY_S)
        crew.drain()
        self._drained_by = monotonic() + Bounds().drain_grace_s
        while not self.stop.is_cancelled:  # noqa: ASYNC110  any thread may ask
            await anyio.sleep(HEED_EVERY_S)
        everything.cancel()

    async def _report_on(self) -> None:
        while True:
            self._report()
            await anyio.sleep(REPORT_EVERY_S)

    def _report(self) -> None:
        """What the callback raises is its owner's to hear, once all that flies has landed."""
        if self._on_progress is None or self._callback_error is not None:
            return
        try:
            self._on_progress(self.progress())
        except Exception as error:  # noqa: BLE001  it is raised by `close`
            self._callback_error = error
            self.stop.drain()

    async def _sample(self) -> None:
        """The state of every endpoint once a second, for the report."""
        while True:
            await anyio.sleep(SAMPLE_EVERY_S)
            elapsed_s = round(monotonic() - self._start, 3)
            for model, counts in self._counts.by_model().items():
                self._paces.observe(elapsed_s, model, counts.ended)
            for state in self._states():
                self._rates.observe(elapsed_s, state.endpoint_id, state.accepted)
                self.store.append_sample(_sample(elapsed_s, self._endpoint(state)))
            for worker in self._workers():
                self.store.append_sample(_worker_sample(elapsed_s, worker))

    # --- how it stands ---------------------------------------------------------------------

    def _states(self) -> tuple[EndpointState, ...]:
        return self._crew.snapshot() if self._crew else ()

    def _workers(self) -> tuple[WorkerProgress, ...]:
        return self._crew.workers() if self._crew else ()

    def _endpoint(self, state: EndpointState) -> EndpointProgress:
        return EndpointProgress(
            name=state.endpoint_id,
            in_flight=state.in_flight,
            window=state.window,
            rps=self._rates.of(state.endpoint_id),
            refused=state.refused,
            errors=state.errors,
            state=state.state,
            decision=state.decision,
            rule=state.rule,
            discarded=state.discarded,
            discarded_tokens=state.discarded_tokens,
            hedges=state.hedges,
            sends=state.sends,
            false_alarms=state.false_alarms,
            model=state.model,
            trouble=state.trouble,
            troubled_at=state.troubled_at,
        )

    def _time_left(
        self, elapsed_s: float, endpoints: tuple[EndpointProgress, ...]
    ) -> TimeLeft | None:
        """The slowest model's; one that has no endpoint any more has nothing to do in this run."""
        alive = {endpoint.model for endpoint in endpoints if not endpoint.is_given_up}
        left = (
            self._paces.left(elapsed_s, model, counts)
            for model, counts in self._counts.by_model().items()
            if counts.remaining and model in alive
        )
        return max(left, key=lambda one: one.likely_s, default=None)

    def _summary(self) -> RunSummary:
        counts, planned, states = self._counts, self.plan.planned, self._states()
        given_up = [state for state in states if state.stopped]
        ended = counts.scored + counts.blocked
        troubled = [
            s for s in states if s.trouble and not s.stopped and (ended < planned or not s.accepted)
        ]
        return RunSummary(
            results=self.plan.options.results,
            planned=planned,
            scored=counts.scored,
            infrastructure=counts.infrastructure,
            ran=ended + counts.infrastructure - counts.done_before,
            calls=counts.calls,
            tokens=counts.tokens,
            elapsed_s=monotonic() - self._start,
            simulated=counts.simulated,
            interrupted=self.stop.is_draining,
            stopped=tuple(map(_blamed, given_up)),
            silent=tuple(map(_blamed, troubled)),
            notices=tuple(self._notices),
            blocked=counts.blocked,
            reasons=tuple(in_lines(counts.reasons.counted())),
            faults=tuple(map(str, counts.reasons.counted(is_suites=True))),
            discarded=sum(state.discarded for state in states),
            discarded_tokens=sum(state.discarded_tokens for state in states),
            hedged=sum(state.hedges for state in states),
            false_alarms=sum(state.false_alarms for state in states),
        )


def _blamed(state: EndpointState) -> str:
    """Which endpoint, why, and since when."""
    why = f"{state.endpoint_id}: {state.stopped or state.trouble}"
    if not state.troubled_at:
        return why
    since = strftime("%Y-%m-%d %H:%M:%S", gmtime(state.troubled_at))
    return f"{why} (no answer since {since} UTC)"


def _sample(elapsed_s: float, endpoint: EndpointProgress) -> dict[str, Any]:
    """A line of pool.jsonl; an unbounded window is null, which JSON can carry."""
    fields = msgspec.structs.asdict(endpoint)
    for of_the_moment in ("model", "trouble", "troubled_at"):
        del fields[of_the_moment]
    window = None if endpoint.window == float("inf") else endpoint.window
    return {"id": fields.pop("name"), "t": elapsed_s, **fields, "window": window}


def _worker_sample(elapsed_s: float, worker: WorkerProgress) -> dict[str, Any]:
    """A line of pool.jsonl."""
    fields = msgspec.structs.asdict(worker)
    return {"worker": fields.pop("name"), "t": elapsed_s, **fields}
