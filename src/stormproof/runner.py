"""The composition root: the only place that wires rooms together.

    options, pool → endpoints → store (what is done) → plan → session, crew → store

Nothing here touches what a process has but once: signals, the collector and the terminal are the
command line's. So a run may go on in any thread, and inside any loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from time import time

import anyio
import msgspec

from stormproof import __version__
from stormproof.backends.desk import Crew, LocalWorker
from stormproof.backends.driver import Driver, Hire
from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S
from stormproof.backends.ray_cluster import ray_cluster
from stormproof.backends.unix_socket import worker_processes
from stormproof.backends.worker_protocol import Beginning
from stormproof.domain.pool import Endpoint
from stormproof.emulator import (
    Emulation,
    EmulatorOptions,
    emulated,
    emulator_process,
    pool_endpoints,
)
from stormproof.errors import ConfigError, StormproofError
from stormproof.learned_limits import begun_where_learned, kept_as_learned
from stormproof.plan import (
    Plan,
    RunOptions,
    credentials,
    make_plan,
    own_endpoints,
    prompt_type_count,
)
from stormproof.plan.python_api import Pool, checked, endpoints_of
from stormproof.run_desk import RunStore
from stormproof.session import OnProgress, RunSummary, Session, Stop
from stormproof.store import (
    Header,
    append_run,
    open_store,
)
from stormproof.suites.workflows import WORKFLOWS
from stormproof.wire import HttpTransport, Transport
from stormproof.wire.debug_log import DebugLog

DEBUG_LOG_FILE = "debug.log"


def run(
    options: RunOptions,
    *,
    pool: Pool | None = None,
    transport: Transport | None = None,
    store: RunStore | None = None,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
) -> RunSummary:
    """Run what of the plan is not done yet, and return when it is. See `run_async`.

    Works in any thread. Where a loop runs in this one, as in a notebook's, the run goes on in a
    thread of its own, which then is also the one that calls `on_progress`.
    """
    stop = stop or Stop()
    main = partial(
        run_async,
        options,
        pool=pool,
        transport=transport,
        store=store,
        on_progress=on_progress,
        stop=stop,
    )
    return _in_own_thread(main, stop) if _is_in_a_loop() else _in_own_loop(main)


async def run_async(
    options: RunOptions,
    *,
    pool: Pool | None = None,
    transport: Transport | None = None,
    store: RunStore | None = None,
    on_progress: OnProgress | None = None,
    stop: Stop | None = None,
) -> RunSummary:
    """Run what of the plan is not done yet, inside the loop that is running.

    Without a pool here or in the options, the embedded emulator serves the shipped one; with a
    `transport`, that answers all calls and no key is read. A `store` takes the records in place
    of the folder `options.results`. `on_progress` is called four times a second and at the end;
    what it raises drains the run, and is raised when everything is stored. `stop` ends the run
    early. Cancelled from outside it ends at once, and the same options go on from there.

    Raises ConfigError before anything is sent, StoreError where records cannot be kept.
    """
    if iscoroutinefunction(on_progress):
        raise ConfigError("on_progress: found an async function; allowed: a plain one")
    options = checked(options, pool)
    endpoints = endpoints_of(options, pool)
    simulated = pool is None and not options.pool
    _check_workers(options, transport)
    if transport is None:
        own = own_endpoints(options, endpoints, simulated=simulated)
        _check_reachable(own, simulated=simulated)
    try:
        async with _opened(options, store, simulated=simulated) as opened:
            begun, said = (endpoints, "") if store else begun_where_learned(options, endpoints)
            plan = make_plan(
                options,
                begun,
                opened.take_finished(),
                simulated=simulated,
                blocked=opened.blocked,
            )
            session = Session(plan, opened, simulated=simulated, on_progress=on_progress, stop=stop)
            if plan.remaining:
                if store is None:
                    append_run(Path(options.results), _record(plan))
                if said:
                    session.say(said)
                async with (
                    _crew(plan, session, transport, simulated=simulated) as crew,
                    nullcontext() if store else kept_as_learned(options, crew),
                ):
                    await session.run(crew)
                await opened.seal()
            summary = session.close()
    except BaseExceptionGroup as group:
        raise _cause(group) from group
    return summary if store is None else msgspec.structs.replace(summary, results="")


def _is_in_a_loop() -> bool:
    """Whether this thread is inside asyncio's or trio's loop."""
    try:
        anyio.current_time()
    except RuntimeError:
        return False
    return True


def _in_own_loop(main: Callable[[], Awaitable[RunSummary]]) -> RunSummary:
    return anyio.run(main, backend_options={"use_uvloop": os.name == "posix"})


def _in_own_thread(main: Callable[[], Awaitable[RunSummary]], stop: Stop) -> RunSummary:
    """Whatever interrupts the waiting, as Ctrl-C does, ends the run before it is raised."""
    with ThreadPoolExecutor(1, "stormproof") as threads:
        under_way = threads.submit(_in_own_loop, main)
        try:
            return under_way.result()
        except BaseException:
            stop.cancel()
            raise


def _check_workers(options: RunOptions, transport: Transport | None) -> None:
    """What one process alone can do."""
    if options.ray_address and options.backend != "ray":
        raise ConfigError("--ray-address: found without --backend ray")
    if _is_alone(options):
        return
    if transport is not None:
        raise ConfigError("workers: found beside transport=, which is of this process alone")
    if options.debug_log:
        raise ConfigError(
            "--debug-log: found beside --workers or --backend ray; allowed: without them",
            hint="a debug log is of one process; --trial ID runs one trial to look at closely",
        )


def _check_reachable(endpoints: tuple[Endpoint, ...], *, simulated: bool) -> None:
    """What would end the run before its first call is said before anything is made."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "a run over HTTP needs asyncio, and another event loop is running",
            hint="call stormproof.run, which takes a thread of its own, or give transport= one",
        ) from None
    if not simulated:
        credentials(endpoints, os.environ)


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a user must hear of: one of ours where there is one, else any."""
    found: BaseException = group.subgroup(StormproofError) or group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


@asynccontextmanager
async def _opened(
    options: RunOptions, store: RunStore | None, *, simulated: bool
) -> AsyncIterator[RunStore]:
    """The store to run into: the caller's own, or the results folder, locked."""
    if store is not None:
        yield store
        return
    header = Header(
        suite=WORKFLOWS.version,
        seed=options.seed,
        simulated=simulated,
        created_at=time(),
        stormproof=__version__,
    )
    folder = Path(options.results)
    async with open_store(
        folder,
        header,
        storage_format=options.storage_format,
        in_batches=not _is_alone(options),
    ) as opened:
        yield opened


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
async def _crew(
    plan: Plan, session: Session, transport: Transport | None, *, simulated: bool
) -> AsyncIterator[Crew]:
    """Who carries the plan out: a worker in this process, or processes of their own."""
    options = plan.options
    if transport is not None:
        with _logged(transport, options) as logged:
            yield _local(plan.endpoints, logged, session, simulated=simulated)
        return
    async with _emulator(options) if simulated else nullcontext("") as base_url:
        if simulated:
            located, secrets = emulated(plan.endpoints, base_url)
        else:
            located, secrets = credentials(plan.endpoints, os.environ)
        if _is_alone(options):
            async with HttpTransport(secrets) as http:
                with _logged(http, options) as logged:
                    yield _local(located, logged, session, simulated=simulated)
            return
        async with _workers(options, secrets, session.say, simulated=simulated) as (count, hire):
            yield Driver(
                located,
                count,
                hire,
                patience_s=PATIENCE_S,
                on_event=session.hear,
                say=session.say,
            )


def _is_alone(options: RunOptions) -> bool:
    """Whether this process does all the work."""
    return options.backend == "local" and options.workers is None


@asynccontextmanager
async def _workers(
    options: RunOptions,
    secrets: dict[str, str],
    say: Callable[[str], None],
    *,
    simulated: bool,
) -> AsyncIterator[tuple[int, Hire]]:
    """How many workers, and how each is hired."""
    said = msgspec.json.encode(options)

    def begin(worker: str) -> Beginning:
        return Beginning(worker, said, secrets, simulated, LEASE_S)

    if options.backend == "ray":
        async with ray_cluster(options.ray_address, options.workers, begin, say) as found:
            yield found
    else:
        async with worker_processes(begin) as hire:
            yield options.workers or 1, hire


def _local(
    endpoints: tuple[Endpoint, ...], transport: Transport, session: Session, *, simulated: bool
) -> LocalWorker:
    options = session.plan.options
    return LocalWorker(endpoints, transport, options, simulated=simulated, on_event=session.hear)


def _emulator(options: RunOptions) -> AbstractAsyncContextManager[str]:
    """An emulator of the shipped pool, with the limits that it declares whatever the run says."""
    endpoints = pool_endpoints(prompt_types=prompt_type_count(options))
    return emulator_process(Emulation(endpoints, EmulatorOptions(seed=options.seed)))


def _logged(transport: Transport, options: RunOptions) -> AbstractContextManager[Transport]:
    if not options.debug_log:
        return nullcontext(transport)
    folder = Path(options.results)
    folder.mkdir(parents=True, exist_ok=True)  # it may be that the records go elsewhere
    return DebugLog(transport, folder / DEBUG_LOG_FILE, options.debug_process_num)
