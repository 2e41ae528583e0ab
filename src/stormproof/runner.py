"""The composition root: the only place that wires rooms together.

    pool file + options → endpoints → store (what is done) → plan → dispatcher → episodes → store

The terminal, signals, the debug log and the samples of the pool hang on the side; none of them
can change a record.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import partial
from pathlib import Path
from time import gmtime, monotonic, strftime, time

import anyio
import msgspec
from msgspec import Struct

from stormproof import __version__
from stormproof.domain.episodes import Turn
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.emulator import (
    Emulation,
    EmulatorOptions,
    emulated,
    emulator_process,
    pool_endpoints,
)
from stormproof.episode import Reread, RereadCount, run_episode
from stormproof.errors import StormproofError
from stormproof.plan import (
    Plan,
    RunOptions,
    TrialSupply,
    credentials,
    endpoints_for,
    make_plan,
    own_endpoints,
    prompt_type_count,
)
from stormproof.pool import Ask, Dispatcher, EndpointState, Event, Job
from stormproof.store import Header, Store, append_run, open_store
from stormproof.suites.workflows import WORKFLOWS
from stormproof.view.console import PlainConsole
from stormproof.view.debuglog import DebugLog
from stormproof.view.frame import EndpointRow, Frame
from stormproof.view.profile import profiled
from stormproof.view.progress import Progress, Rates
from stormproof.view.terminal import display
from stormproof.wire import HttpTransport, Transport

SAMPLE_EVERY_S = 1.0
DEBUG_LOG_FILE = "debug.log"
STOPPED = "stopped: "
TOLD = frozenset({"stopped", "stuck"})  # events that a person should hear of while the run goes on
COLLECT_AFTER = (50_000, 20, 50)  # new objects; collections of the young; of the middle-aged
SWITCH_AFTER_S = 0.0005  # between threads that both want to run


class RunSummary(Struct, frozen=True):
    """What a run leaves behind. `ran` counts the episodes that ended in this run.

    `stopped` names each endpoint that was given up, with the reason and since when; where trials
    are left without a score, `silent` names those whose last call was refused or failed.
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

    @property
    def remaining(self) -> int:
        """Trials without a score."""
        return self.planned - self.scored


def run(options: RunOptions) -> RunSummary:
    """Run what of the plan is not done yet. Raises `ConfigError` and `StoreError`.

    SIGINT, SIGTERM and SIGHUP drain: requests in flight end, nothing new starts. A second one
    stops at once. Either way the same call goes on from there.
    """
    try:
        with (
            _tuned_interpreter(),
            profiled(Path(options.results)) if options.profile else nullcontext(),
        ):
            return anyio.run(_run, options, backend_options={"use_uvloop": os.name == "posix"})
    except BaseExceptionGroup as group:
        raise _cause(group) from group


@contextmanager
def _tuned_interpreter() -> Iterator[None]:
    """Look for cyclic garbage seldom, and let the journal's thread in soon.

    A thousand episodes under way are a large heap, all alive: with usual thresholds half of a
    run's CPU time goes into looking through it, though nearly nothing that a run makes has cycles.
    And each of the journal's writes waits for its turn at the interpreter twice.
    """
    thresholds, interval_s = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_AFTER_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a user must hear of: one of ours where there is one, else any."""
    found: BaseException = group.subgroup(StormproofError) or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


async def _run(options: RunOptions) -> RunSummary:
    endpoints = endpoints_for(options)
    simulated = not options.pool
    if not simulated:
        # A key that is missing is told before anything is made.
        credentials(own_endpoints(options, endpoints), os.environ)
    folder = Path(options.results)
    header = Header(
        suite=WORKFLOWS.version, seed=options.seed, simulated=simulated, stormproof=__version__
    )
    async with open_store(folder, header, storage_format=options.storage_format) as store:
        plan = make_plan(options, endpoints, store.take_finished())
        session = _Session(plan, store, simulated=simulated)
        for notice in store.notices:
            session.say(notice)
        if plan.remaining:
            append_run(folder, _record(plan))
            async with _reached(plan, simulated=simulated) as (located, transport):
                await session.run(located, transport)
            if session.reread.turns:
                session.say(str(session.reread))
            await store.seal()
        return session.summary()


def _record(plan: Plan) -> dict[str, object]:
    """What was asked for in this run, for whoever reads the folder later."""
    return {
        "at": time(),
        "stormproof": __version__,
        "suite": WORKFLOWS.version,
        "options": plan.options,
        "endpoints": plan.pool,
    }


@asynccontextmanager
async def _reached(
    plan: Plan, *, simulated: bool
) -> AsyncIterator[tuple[tuple[Endpoint, ...], Transport]]:
    """Endpoints with addresses and a transport to them: real ones, or an emulator of our own."""
    options = plan.options
    async with _emulator(options) if simulated else nullcontext("") as base_url:
        if simulated:
            located, secrets = emulated(plan.endpoints, base_url)
        else:
            located, secrets = credentials(plan.endpoints, os.environ)
        async with HttpTransport(secrets) as transport:
            with _logged(transport, options) as wrapped:
                yield located, wrapped


def _emulator(options: RunOptions) -> AbstractAsyncContextManager[str]:
    """An emulator of the shipped pool, with the limits that it declares whatever the run says."""
    endpoints = pool_endpoints(prompt_types=prompt_type_count(options))
    return emulator_process(Emulation(endpoints, EmulatorOptions(seed=options.seed)))


def _logged(transport: Transport, options: RunOptions) -> AbstractContextManager[Transport]:
    if not options.debug_log:
        return nullcontext(transport)
    path = Path(options.results) / DEBUG_LOG_FILE
    return DebugLog(transport, path, options.debug_process_num)


class _Session:
    """One run under way: hands out episodes, keeps their turns, tells how it goes."""

    def __init__(self, plan: Plan, store: Store, *, simulated: bool) -> None:
        self.plan = plan
        self.store = store
        self.simulated = simulated
        self.trials = TrialSupply(plan)
        self.progress = Progress(
            ((c.model, c.condition, c.planned, c.done) for c in plan.cells), simulated=simulated
        )
        self.rates = Rates()
        self.reread = RereadCount()
        self.start = monotonic()
        self.dispatcher: Dispatcher | None = None
        self._console = PlainConsole(stderr=True)

    # --- the dispatcher's supply ---------------------------------------------------------

    def take(self, model: str, shard: int | None) -> Job | None:
        """The model's next episode, ready to be run."""
        trial = self.trials.take(model, shard)
        return None if trial is None else partial(self._episode, trial)

    def remaining(self, model: str) -> int:
        """Episodes of the model that have not begun."""
        return self.trials.remaining(model)

    async def _episode(self, trial: Trial, ask: Ask) -> None:
        self.progress.began()
        try:
            episode = await run_episode(
                trial,
                WORKFLOWS.load_task(trial.task_id, self.plan.options.seed),
                ask,
                journalled=self.store.journalled(trial.trial_id),
                on_turn=partial(self._turn, trial.trial_id),
                on_reread=partial(self._reread, trial.trial_id),
                simulated=self.simulated,
            )
            await self.store.episode(episode)
            self.progress.ended(episode)
        finally:
            self.progress.left()
            self.trials.ended(trial)

    async def _reread(self, trial_id: str, reread: Reread) -> None:
        self.reread.add(reread)
        for turn in reread.turns:
            await self.store.turn(trial_id, turn)

    async def _turn(self, trial_id: str, turn: Turn) -> None:
        await self.store.turn(trial_id, turn)
        reply = turn.answer.reply
        tokens = reply.usage.prompt_tokens + reply.usage.completion_tokens
        self.progress.turn(tokens, simulated=reply.simulated)

    # --- the run -------------------------------------------------------------------------

    async def run(self, endpoints: tuple[Endpoint, ...], transport: Transport) -> None:
        """Run until nothing is left, or until told to stop."""
        options = self.plan.options
        self.dispatcher = Dispatcher(
            endpoints,
            transport,
            rate_mode=options.rate_mode,
            sharding=options.sharding,
            stagger=options.stagger,
            hedge=options.hedge,
            on_event=self._hear,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._heed_signals, tasks.cancel_scope)
            tasks.start_soon(self._show)
            tasks.start_soon(self._sample)
            await self.dispatcher.run(self)
            tasks.cancel_scope.cancel()

    async def _heed_signals(self, everything: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(*_stop_signals()) as signals:
            async for _ in signals:
                if self.progress.draining:
                    everything.cancel()
                    return
                self.progress.draining = True
                self._dispatcher.drain()

    async def _show(self) -> None:
        try:
            await display(self._console, quiet=self.plan.options.quiet)(self._frame)
        except OSError:  # the terminal is gone; the run is not
            await anyio.sleep_forever()

    def say(self, line: str) -> None:
        """One line above the display; a terminal that is gone does not end the run."""
        with suppress(OSError):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _hear(self, event: Event) -> None:
        if event.kind in TOLD:
            self.say(f"{event.kind}: {event.subject}: {event.text}")

    async def _sample(self) -> None:
        """The state of every endpoint once a second, for the report."""
        while True:
            await anyio.sleep(SAMPLE_EVERY_S)
            elapsed = round(monotonic() - self.start, 3)
            for state in self._dispatcher.snapshot():
                self.rates.observe(elapsed, state.endpoint_id, state.accepted)
                self.store.append_sample(_sample(elapsed, self._row(state)))

    @property
    def _dispatcher(self) -> Dispatcher:
        assert self.dispatcher is not None  # noqa: S101  set before anything asks
        return self.dispatcher

    def _frame(self) -> Frame:
        rows = (self._row(state) for state in self._dispatcher.snapshot())
        return self.progress.frame(monotonic() - self.start, rows)

    def _row(self, state: EndpointState) -> EndpointRow:
        return EndpointRow(
            name=state.endpoint_id,
            in_flight=state.in_flight,
            window=state.window,
            rps=self.rates.of(state.endpoint_id),
            refused=state.refused,
            errors=state.errors,
            state=state.state,
            decision=state.decision,
        )

    def summary(self) -> RunSummary:
        """How it stands now."""
        progress = self.progress
        scored = progress.scored.total()
        states = self.dispatcher.snapshot() if self.dispatcher else ()
        return RunSummary(
            results=self.plan.options.results,
            planned=self.plan.planned,
            scored=scored,
            infrastructure=progress.infrastructure.total(),
            ran=scored + progress.infrastructure.total() - progress.done_before,
            calls=progress.calls,
            tokens=progress.tokens,
            elapsed_s=monotonic() - self.start,
            simulated=progress.simulated,
            interrupted=progress.draining,
            stopped=tuple(_blamed(s) for s in states if s.state.startswith(STOPPED)),
            silent=tuple(
                _blamed(s)
                for s in states
                if s.trouble and not s.state.startswith(STOPPED) and scored < self.plan.planned
            ),
        )


def _blamed(state: EndpointState) -> str:
    """Which endpoint, why, and since when."""
    since = strftime("%Y-%m-%d %H:%M:%S", gmtime(state.troubled_at))
    return f"{state.endpoint_id}: {state.trouble} (no answer since {since} UTC)"


def _sample(elapsed_s: float, row: EndpointRow) -> dict[str, object]:
    """A line of pool.jsonl; an unbounded window is null, which JSON can carry."""
    fields = msgspec.structs.asdict(row)
    window = None if row.window == float("inf") else row.window
    return {"id": fields.pop("name"), "t": elapsed_s, **fields, "window": window}


def _stop_signals() -> Iterator[signal.Signals]:
    """Without SIGHUP where it is ignored: `nohup` means that the run outlives its terminal."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        yield signal.SIGHUP
