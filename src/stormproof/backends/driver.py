"""The driver: asks its workers, brings what they say to the desk, gives them what they want."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup

from stormproof.backends.desk import Desk, OnEvent
from stormproof.backends.leasing import Ledger
from stormproof.backends.worker_protocol import (
    Delivery,
    Grant,
    Haul,
    Pull,
    Want,
    decode_haul,
    encode,
)
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial
from stormproof.episode import Reread
from stormproof.errors import BackendError
from stormproof.plan.shards import components, model_groups
from stormproof.pool import EndpointState
from stormproof.progress import WorkerProgress
from stormproof.store.record_lines import decode
from stormproof.store.record_lines import encode as encode_record

LOOK_EVERY_S = 0.1  # how late a silent worker may be noticed, beyond the driver's patience
COUNTS = ("accepted", "refused", "errors", "hedges", "discarded", "discarded_tokens",
          "false_alarms")  # fmt: skip
STOOD_STILL_S = 1.0  # between two looks: this process did not run
MOST_REPLACED = 50  # workers, over a run: something kills them, and it is not chance


class LinkBroken(Exception):
    """The worker at the other end has ended; the text says what is known of it."""


class LinkCut(LinkBroken):
    """The worker cannot be asked any more. It may go on until its lease is over."""


class Link(Protocol):
    """A way to one worker."""

    @property
    def place(self) -> str:
        """The worker's process, and where it is."""
        ...

    async def ask(self, question: bytes) -> bytes:
        """One question, one answer; one at a time. Raises LinkBroken."""
        ...


Hire = Callable[[str], Awaitable[Link]]  # a worker of this name; raises LinkBroken


def units_of(endpoints: Sequence[Endpoint], workers: int) -> list[tuple[Endpoint, ...]]:
    """What is leased together: whole models, where that leaves something for each worker.

    Where it does not, a model's endpoints are apart as far as they share no limit.
    """
    groups = model_groups(endpoints, at_least=workers)
    if len(groups) < workers:
        return components(endpoints, at_least=workers)
    return [tuple(e for e in endpoints if e.model in group) for group in groups]


class Driver:
    """A crew of workers behind links. Nothing counts before the desk has it.

    A worker that has brought something and is gone is replaced by another.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        workers: int,
        hire: Hire,
        *,
        patience_s: float,
        on_event: OnEvent,
        say: Callable[[str], None],
    ) -> None:
        # As given; they never change.
        self._workers = workers
        self._hire = hire
        self._on_event = on_event
        self._say = say
        self._endpoints = tuple(endpoints)
        # Who has what.
        self.ledger = Ledger(units_of(endpoints, workers), patience_s)
        # Workers hired so far, or tried to: the last one's number.
        self._hired = workers
        # Replacements that are being hired.
        self._coming = 0
        # By the names of all that were ever hired, in that order: each one's place.
        self._places: dict[str, str] = {}
        # By model: trials that came back from a worker, before any of the desk's.
        self._again = defaultdict[str, deque[Trial]](deque)
        # What workers last said of an endpoint, by its id and the lease's epoch.
        self._states: dict[str, dict[int, EndpointState]] = defaultdict(dict)
        # Whether to begin nothing more; workers at rest meanwhile.
        self._is_draining = False
        self._at_rest: set[str] = set()
        # Why each worker that is gone is gone; a lost one that comes back leaves.
        self._gone: dict[str, str] = {}
        # Set when the run is over.
        self._over = anyio.Event()
        # Where workers are attended to, and the desk that is worked for, while `run` runs.
        self._tasks: TaskGroup
        self._desk: Desk

    # --- a crew ----------------------------------------------------------------------------

    async def run(self, desk: Desk) -> None:
        """See `Crew.run`. Raises BackendError where no worker is left."""
        self._desk = desk
        links: dict[str, Link] = {}
        async with anyio.create_task_group() as tasks:
            for number in range(1, self._workers + 1):
                tasks.start_soon(self._join, f"worker {number}", links)
        self.ledger.lease(self._left())
        async with anyio.create_task_group() as self._tasks:
            for name, link in links.items():
                self._tasks.start_soon(self._attend, name, link)
            self._tasks.start_soon(self._look)
            self._end_if_over()
            await self._over.wait()
            self._tasks.cancel_scope.cancel()
        if self.ledger.rejected:
            self._say(f"{self.ledger.rejected} turns came under leases that were over: not kept")
        if not self._is_over():
            reasons = dict.fromkeys(self._gone.values())
            raise BackendError(
                f"no worker is left: {'; '.join(reasons)}",
                hint="once this is mended, the same command goes on from here",
            )

    def drain(self) -> None:
        """See `Crew.drain`."""
        self._is_draining = True
        self._end_if_over()

    def snapshot(self) -> tuple[EndpointState, ...]:
        """See `Crew.snapshot`; as the workers said it last. Counts are over all leases."""
        return tuple(self._state(endpoint) for endpoint in self._endpoints)

    def workers(self) -> tuple[WorkerProgress, ...]:
        """See `Crew.workers`."""
        return tuple(map(self._worker, self._places))

    def _worker(self, name: str) -> WorkerProgress:
        held = [e.endpoint_id for unit in self.ledger.held(name) for e in unit.endpoints]
        why = self._gone.get(name)
        state = f"gone: {why}" if why else "at work" if held else "spare"
        turns = self.ledger.turns(name)
        return WorkerProgress(name, self._places[name], tuple(held), turns, state)

    def _state(self, endpoint: Endpoint) -> EndpointState:
        states = self._states.get(endpoint.endpoint_id)
        if not states:
            return EndpointState(endpoint.endpoint_id, endpoint.model, 0, 0, 0, 0, 0, 0, "", "")
        sums = {name: sum(getattr(s, name) for s in states.values()) for name in COUNTS}
        return msgspec.structs.replace(states[max(states)], **sums)

    # --- one worker ------------------------------------------------------------------------

    async def _join(self, worker: str, links: dict[str, Link]) -> None:
        try:
            links[worker] = link = await self._hire(worker)
            self._places[worker] = link.place
            self.ledger.join(worker, anyio.current_time())
        except LinkBroken as broken:
            self._say(f"{worker}: {broken}")
            self._gone[worker] = str(broken)

    async def _attend(self, worker: str, link: Link) -> None:
        """Ask the worker, again and again; a lost one that answers after all has nothing."""
        try:
            while not self._over.is_set():
                question = self._question(worker)
                answer = decode_haul(await link.ask(encode(question)))
                await self._heard(worker, answer, question)
        except LinkBroken as broken:
            has_worked = self.ledger.has_worked(worker)
            if has_worked and self._hired - self._workers < MOST_REPLACED:
                self._coming += 1
                self._tasks.start_soon(self._replace)
            if isinstance(broken, LinkCut):
                self._say(f"{worker}: {broken}; its endpoints wait until its lease is over")
                self.ledger.cut(worker)
            else:
                self._lose(worker, str(broken))

    async def _replace(self) -> None:
        self._hired += 1
        worker, links = f"worker {self._hired}", dict[str, Link]()
        await self._join(worker, links)
        self._coming -= 1
        self.ledger.lease(self._left())
        for link in links.values():
            self._tasks.start_soon(self._attend, worker, link)
        self._end_if_over()

    def _question(self, worker: str) -> Pull:
        if not self._is_draining:
            for want in self.ledger.wants(worker):
                self._fulfil(worker, want)
        return self.ledger.pull(worker, self._left(), drain=self._is_draining)

    def _fulfil(self, worker: str, want: Want) -> None:
        for _ in range(self.ledger.room(want, self._left()[want.model])):
            trial = self._take(want)
            if trial is None:
                return
            turns = self._desk.journalled(trial.trial_id)
            records = tuple(encode_record(turn) for turn in turns)
            self.ledger.grant(worker, Grant(want.epoch, trial, records, want.shard))

    def _take(self, want: Want) -> Trial | None:
        again = self._again[want.model]
        return again.popleft() if again else self._desk.take(want.model, want.shard)

    async def _heard(self, worker: str, answer: Haul, asked: Pull) -> None:
        counting = self.ledger.hear(worker, answer, asked, anyio.current_time())
        if self._gone.pop(worker, None):
            self._say(f"{worker}: back, without what it had")
        for epoch, state in answer.states:
            self._states[state.endpoint_id][epoch] = state
        for event in answer.events:
            self._on_event(event)
        async with anyio.create_task_group() as tasks:
            for item in counting:
                tasks.start_soon(self._keep, item)
        self.ledger.acknowledge(worker)
        self._give_again(self.ledger.drained(worker, answer))
        self.ledger.rebalance(self._left())
        self.ledger.lease(self._left())
        if (
            self._is_draining
            and asked.held == asked.draining
            and {*asked.held} == {*answer.drained}
        ):
            self._at_rest.add(worker)
        self._end_if_over()

    async def _keep(self, item: Delivery) -> None:
        """Bring an item to the desk."""
        trial = self.ledger.trial(item.trial_id)
        match item.kind:
            case "turn":
                await self._desk.turn(trial, decode(item.record, Turn))
            case "reread":
                await self._desk.reread(trial, decode(item.record, Reread))
            case "episode":
                await self._end(trial, item)
            case "returned":
                self._give_again([self.ledger.end(trial.trial_id)])

    async def _end(self, trial: Trial, item: Delivery) -> None:
        episode = decode(item.record, Episode)
        if episode.outcome == "infrastructure" and self.ledger.has_died(item.epoch, trial.model):
            self._give_again([self.ledger.end(trial.trial_id)])
            return
        turns = self._desk.journalled(trial.trial_id)[: item.index]
        await self._desk.episode(msgspec.structs.replace(episode, turns=turns))
        self._desk.left(self.ledger.end(trial.trial_id))

    # --- workers that are gone -------------------------------------------------------------

    async def _look(self) -> None:
        """Give up who has been silent for too long; its answer is awaited all the same.

        Where this process stood still itself, what was said meanwhile is still to be heard.
        """
        looked_at = anyio.current_time()
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            before, looked_at = looked_at, anyio.current_time()
            if looked_at - before > STOOD_STILL_S:
                self.ledger.forgive(looked_at)
            for worker in self.ledger.overdue(looked_at):
                self._lose(worker, "it does not answer")

    def _lose(self, worker: str, why: str) -> None:
        if worker not in self._gone:
            self._say(f"{worker}: {why}; its endpoints and trials go to others")
        self._gone[worker] = why
        self._give_again(self.ledger.lose(worker))
        self.ledger.lease(self._left())
        self._end_if_over()

    def _give_again(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            self._again[trial.model].append(trial)

    # --- the end ---------------------------------------------------------------------------

    def _left(self) -> dict[str, int]:
        """Trials of each model that no worker has."""
        models = dict.fromkeys(endpoint.model for endpoint in self._endpoints)
        return {m: self._desk.remaining(m) + len(self._again[m]) for m in models}

    def _is_over(self) -> bool:
        """Whether all is done that was to be done."""
        if self._is_draining:
            return self._at_rest >= {*self.ledger.live}
        left = (model for model, count in self._left().items() if count)
        return not self.ledger.out and all(map(self.ledger.is_dead, left))

    def _end_if_over(self) -> None:
        nobody = not self.ledger.live and not self._coming and len(self._gone) >= self._hired
        if nobody or self._is_over():
            self._over.set()
