"""One run under way.

`Session` begins, watches and ends it; `Episodes` is the dispatcher's supply, which makes a trial
an episode and keeps its turns; `Stop` is how anybody asks a run to end; `RunStore` is what a run
needs of whatever keeps its records.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import gmtime, monotonic, strftime
from typing import Any, Protocol

import anyio
import msgspec
from msgspec import Struct

from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.episode import Reread, RereadCount, run_episode
from stormproof.plan import Plan, TrialSupply
from stormproof.pool import Ask, Dispatcher, EndpointState, Event, Job
from stormproof.progress import Counts, EndpointProgress, Progress, Rates
from stormproof.suites.workflows import WORKFLOWS
from stormproof.wire import Transport

REPORT_EVERY_S = 0.25
SAMPLE_EVERY_S = 1.0
HEED_EVERY_S = 0.05  # how late a request to stop may be heard
STOPPED = "stopped: "
NOTEWORTHY = frozenset({"stopped", "stuck"})  # events that a person should hear of at once

OnProgress = Callable[[Progress], object]


class RunStore(Protocol):
    """Where a run keeps its records, and finds those of earlier runs.

    Kept once `turn` or `episode` has returned, whatever ends the process. One episode per trial.
    Works for any number of trials at once; one trial's turns come in order.
    """

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of how the records were found."""
        ...

    def take_finished(self) -> set[str]:
        """Ids of the trials that have completed: they are not run again. Asked once a run."""
        ...

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns that are paid for, of a trial that has not completed; () when there are none."""
        ...

    async def turn(self, trial_id: str, turn: Turn) -> None:
        """Keep a turn, in the place of the one that had its number; turns after it stay."""
        ...

    async def episode(self, episode: Episode) -> None:
        """Keep the end of a trial, and any turn of it that is not there."""
        ...

    async def seal(self) -> None:
        """A run is over: bring what has ended into its final form."""
        ...

    def append_sample(self, record: dict[str, Any]) -> None:
        """Keep a line on an endpoint: telemetry, which may be lost."""
        ...


class RunSummary(Struct, frozen=True):
    """What a run leaves behind. `ran` counts the episodes that ended in this run.

    `results` is the results folder, "" where the records went into a store of the caller's own.
    `planned`, `scored` and `infrastructure` count trials; `calls` and `tokens` are this run's.
    `stopped` names each endpoint that was given up, with the reason and since when; where trials
    are left without a score, `silent` names those whose last call was refused or failed.
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

    @property
    def remaining(self) -> int:
        """Trials without a score."""
        return self.planned - self.scored


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


class Episodes:
    """The dispatcher's supply: hands out episodes, and keeps what comes of them."""

    def __init__(self, plan: Plan, store: RunStore, counts: Counts, *, simulated: bool) -> None:
        # Trials leave it by `take`, each once; `ended` follows for each that has left it.
        self._trials = TrialSupply(plan)
        # Written to only from the jobs that `take` gives.
        self._store = store
        # Counts only what the store has acknowledged.
        self._counts = counts
        self._seed = plan.options.seed
        # Whether every answer is simulated, whatever its reply says.
        self._simulated = simulated
        # Journalled turns that came out differently now, and were kept anew.
        self.reread = RereadCount()

    def take(self, model: str, shard: int | None) -> Job | None:
        """The model's next episode, ready to be run."""
        trial = self._trials.take(model, shard)
        return None if trial is None else partial(self._run, trial)

    def remaining(self, model: str) -> int:
        """Episodes of the model that have not begun."""
        return self._trials.remaining(model)

    async def _run(self, trial: Trial, ask: Ask) -> None:
        self._counts.began()
        try:
            episode = await run_episode(
                trial,
                WORKFLOWS.load_task(trial.task_id, self._seed),
                ask,
                journalled=self._store.journalled(trial.trial_id),
                on_turn=partial(self._keep, trial.trial_id),
                on_reread=partial(self._keep_anew, trial.trial_id),
                simulated=self._simulated,
            )
            await self._store.episode(episode)
            self._counts.ended(episode)
        finally:
            self._counts.left()
            self._trials.ended(trial)

    async def _keep(self, trial_id: str, turn: Turn) -> None:
        await self._store.turn(trial_id, turn)
        self._counts.turn(turn)

    async def _keep_anew(self, trial_id: str, reread: Reread) -> None:
        self.reread.add(reread)
        for turn in reread.turns:
            await self._store.turn(trial_id, turn)


class Session:
    """A plan being carried out over a transport into a store."""

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
        cells = ((c.model, c.condition, c.planned, c.done) for c in plan.cells)
        # Set by the episodes alone; everything that is shown of trials and calls comes from it.
        self._counts = Counts(cells, simulated=simulated)
        self._episodes = Episodes(plan, store, self._counts, simulated=simulated)
        # The store's, those of endpoints as they happen, a last one of `close`; only appended to.
        self._notices = list(store.notices)
        # Of accepted sends by endpoint id; fed once every SAMPLE_EVERY_S.
        self._rates = Rates()
        # Where every `elapsed_s` counts from.
        self._start = monotonic()
        # None until `run` has begun: a plan without anything left needs none.
        self._dispatcher: Dispatcher | None = None

    async def run(self, endpoints: tuple[Endpoint, ...], transport: Transport) -> None:
        """Run until nothing is left, or until asked to stop."""
        options = self.plan.options
        self._dispatcher = dispatcher = Dispatcher(
            endpoints,
            transport,
            rate_mode=options.rate_mode,
            sharding=options.sharding,
            stagger=options.stagger,
            hedge=options.hedge,
            on_event=self._hear,
        )
        if self.stop.is_draining:
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._heed_stop, dispatcher, tasks.cancel_scope)
            tasks.start_soon(self._report_on)
            tasks.start_soon(self._sample)
            await dispatcher.run(self._episodes)
            tasks.cancel_scope.cancel()

    def close(self) -> RunSummary:
        """Report a last time; raise what `on_progress` raised; else say what came of it."""
        if self._episodes.reread.turns:
            self._notices.append(str(self._episodes.reread))
        self._report()
        if self._callback_error is not None:
            raise self._callback_error
        return self._summary()

    def progress(self) -> Progress:
        """How it stands now."""
        counts = self._counts
        return Progress(
            elapsed_s=monotonic() - self._start,
            cells=counts.cells(),
            endpoints=tuple(self._endpoint(state) for state in self._states()),
            calls=counts.calls,
            tokens=counts.tokens,
            under_way=counts.under_way,
            done_before=counts.done_before,
            simulated=counts.simulated,
            draining=self.stop.is_draining,
            notices=tuple(self._notices),
        )

    # --- beside the dispatcher -------------------------------------------------------------

    async def _heed_stop(self, dispatcher: Dispatcher, everything: anyio.CancelScope) -> None:
        while not self.stop.is_draining:  # noqa: ASYNC110  any thread may ask, a loop's event is its own
            await anyio.sleep(HEED_EVERY_S)
        dispatcher.drain()
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
            for state in self._states():
                self._rates.observe(elapsed_s, state.endpoint_id, state.accepted)
                self.store.append_sample(_sample(elapsed_s, self._endpoint(state)))

    def _hear(self, event: Event) -> None:
        if event.kind in NOTEWORTHY:
            self._notices.append(f"{event.kind}: {event.subject}: {event.text}")

    # --- how it stands ---------------------------------------------------------------------

    def _states(self) -> tuple[EndpointState, ...]:
        return self._dispatcher.snapshot() if self._dispatcher else ()

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
        )

    def _summary(self) -> RunSummary:
        counts, planned, states = self._counts, self.plan.planned, self._states()
        given_up = [state for state in states if state.state.startswith(STOPPED)]
        troubled = [s for s in states if s.trouble and s not in given_up]
        return RunSummary(
            results=self.plan.options.results,
            planned=planned,
            scored=counts.scored,
            infrastructure=counts.infrastructure,
            ran=counts.scored + counts.infrastructure - counts.done_before,
            calls=counts.calls,
            tokens=counts.tokens,
            elapsed_s=monotonic() - self._start,
            simulated=counts.simulated,
            interrupted=self.stop.is_draining,
            stopped=tuple(map(_blamed, given_up)),
            silent=tuple(map(_blamed, troubled)) if counts.scored < planned else (),
            notices=tuple(self._notices),
        )


def _blamed(state: EndpointState) -> str:
    """Which endpoint, why, and since when."""
    since = strftime("%Y-%m-%d %H:%M:%S", gmtime(state.troubled_at))
    return f"{state.endpoint_id}: {state.trouble} (no answer since {since} UTC)"


def _sample(elapsed_s: float, endpoint: EndpointProgress) -> dict[str, Any]:
    """A line of pool.jsonl; an unbounded window is null, which JSON can carry."""
    fields = msgspec.structs.asdict(endpoint)
    window = None if endpoint.window == float("inf") else endpoint.window
    return {"id": fields.pop("name"), "t": elapsed_s, **fields, "window": window}
