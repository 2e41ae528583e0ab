"""The seam between a run and whoever works for it: a desk gives trials out and takes turns in.

A worker in this process has the run's own desk. One elsewhere has a desk that stands for it, at
the other end of a link. What works at the desk is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.episode import Reread, broken_episode, run_episode, suite_at_work
from stormproof.errors import SuiteError
from stormproof.plan import RunOptions
from stormproof.pool import Ask, Dispatcher, EndpointState, Event, Job
from stormproof.pool.bounds import Bounds
from stormproof.progress import WorkerProgress
from stormproof.suites.workflows import WORKFLOWS
from stormproof.wire import Transport

OnEvent = Callable[[Event], None]


class Desk(Protocol):
    """Gives trials out and takes in what comes of them: kept once the call has returned."""

    def take(self, model: str, shard: int | None) -> Trial | None:
        """The model's next trial (of one endpoint's share, if `shard` says its number), or None."""
        ...

    def remaining(self, model: str) -> int:
        """Trials of the model that have not been given out, those that only come later too."""
        ...

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns of the trial that are paid for."""
        ...

    async def turn(self, trial: Trial, turn: Turn) -> None:
        """Keep a turn."""
        ...

    async def reread(self, trial: Trial, reread: Reread) -> None:
        """Keep turns that came out differently than they were journalled."""
        ...

    async def episode(self, episode: Episode) -> None:
        """Keep the end of a trial."""
        ...

    def left(self, trial: Trial) -> None:
        """The trial is no longer under way, ended or not; once for each that was given out."""
        ...


class Crew(Protocol):
    """Who carries a plan out."""

    async def run(self, desk: Desk) -> None:
        """Work until the desk has nothing left, or until drained."""
        ...

    def drain(self) -> None:
        """Begin nothing more; let what is in flight end, within a stated grace."""
        ...

    def snapshot(self) -> tuple[EndpointState, ...]:
        """Every endpoint now."""
        ...

    def workers(self) -> tuple[WorkerProgress, ...]:
        """Every worker elsewhere, those that are gone too; in the order of their hiring."""
        ...


class Episodes:
    """A dispatcher's supply: makes a trial of the desk an episode, and brings its turns back."""

    def __init__(self, desk: Desk, seed: int, *, simulated: bool) -> None:
        # As given; they never change.
        self._desk = desk
        self._seed = seed
        # Whether every answer is simulated, whatever its reply says.
        self._simulated = simulated

    def take(self, model: str, shard: int | None) -> Job | None:
        """The model's next episode, ready to be run."""
        trial = self._desk.take(model, shard)
        return None if trial is None else partial(self._run, trial)

    def remaining(self, model: str) -> int:
        """Episodes of the model that have not begun."""
        return self._desk.remaining(model)

    async def _run(self, trial: Trial, ask: Ask) -> None:
        try:
            await self._desk.episode(await self._play(trial, ask))
        finally:
            self._desk.left(trial)

    async def _play(self, trial: Trial, ask: Ask) -> Episode:
        journalled = self._desk.journalled(trial.trial_id)
        try:
            with suite_at_work:
                task = WORKFLOWS.load_task(trial.task_id, self._seed)
        except SuiteError as fault:
            return broken_episode(trial, journalled, fault, simulated=self._simulated)
        return await run_episode(
            trial,
            task,
            ask,
            journalled=journalled,
            on_turn=partial(self._desk.turn, trial),
            on_reread=partial(self._desk.reread, trial),
            simulated=self._simulated,
        )


class LocalWorker:
    """The crew of a run without workers elsewhere: one dispatcher over all endpoints."""

    def __init__(
        self,
        endpoints: tuple[Endpoint, ...],
        transport: Transport,
        options: RunOptions,
        *,
        simulated: bool,
        on_event: OnEvent,
    ) -> None:
        # As given; they never change.
        self._seed, self._simulated = options.seed, simulated
        self._dispatcher = dispatcher_of(endpoints, transport, options, on_event)

    async def run(self, desk: Desk) -> None:
        """See `Crew.run`."""
        await self._dispatcher.run(Episodes(desk, self._seed, simulated=self._simulated))

    def drain(self) -> None:
        """See `Crew.drain`."""
        self._dispatcher.drain()

    def snapshot(self) -> tuple[EndpointState, ...]:
        """See `Crew.snapshot`."""
        return self._dispatcher.snapshot()

    def workers(self) -> tuple[WorkerProgress, ...]:
        """See `Crew.workers`: there are none."""
        return ()


def dispatcher_of(
    endpoints: tuple[Endpoint, ...], transport: Transport, options: RunOptions, on_event: OnEvent
) -> Dispatcher:
    """A dispatcher as the options want it."""
    return Dispatcher(
        endpoints,
        transport,
        rate_mode=options.rate_mode,
        sharding=options.sharding,
        stagger=options.stagger,
        hedge=options.hedge,
        bounds=Bounds(max_wait_s=options.max_wait_s),
        on_event=on_event,
    )
