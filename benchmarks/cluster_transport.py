"""What the way from a worker to the journal and back takes, and what a driver can take at most.

Parts of `cluster.py`. Workers are processes, behind Unix sockets or as Ray actors. For `paced` and
`flat_out` they are whole, but for their model calls, which a double answers after a time; for
`ceiling` they are doubles that answer each question with a batch of turns made beforehand. Rates
and CPU time are of the middle of a run, from a tenth to nine tenths of its turns.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import anyio
import msgspec

from stormproof import __version__
from stormproof.backends import ray_cluster as ray_backend
from stormproof.backends.driver import Driver, Hire, Link, LinkBroken
from stormproof.backends.interpreter import tuned_interpreter
from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S
from stormproof.backends.ray_actor import Started, WorkerActor
from stormproof.backends.unix_socket import Frames, Hangup, ProcessLink
from stormproof.backends.worker import Outbox, Worker
from stormproof.backends.worker_protocol import (
    Beginning,
    Delivery,
    Haul,
    Pull,
    Want,
    decode_beginning,
    decode_pull,
    encode,
)
from stormproof.domain.trials import Trial
from stormproof.plan import RunOptions, make_plan
from stormproof.session import Session
from stormproof.store import Header, open_store
from stormproof.store.record_lines import encode as as_json
from stormproof.suites.workflows import WORKFLOWS
from stormproof.testing import ScriptedModel, SimulatedTransport
from stormproof.testing.records import a_turn, an_endpoint, an_episode

SCRIPT = ["let me think " * 20] * 3 + ["I have finished. <finish>done</finish>"]
TURNS = len(SCRIPT)
TEXT = "a reply of about a thousand characters " * 25
SAMPLE_S = 0.02
LEAST = 200  # bytes of an answer with a turn in it
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
Figures = dict[str, Any]


# --- at the worker's end ---------------------------------------------------------------------


class TimedOutbox(Outbox):
    """Notes how long each item waited to be acknowledged, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s: list[float] = []

    async def kept(self, serial: int) -> None:
        """See `Outbox.kept`."""
        began = time.monotonic()
        await super().kept(serial)
        self.waited_s.append(time.monotonic() - began)


def timed(beginning: Beginning, tasks: anyio.abc.TaskGroup) -> tuple[Worker, TimedOutbox]:
    """A worker whose calls are answered after `median_s`, the run's `stagger`."""
    options = msgspec.json.decode(beginning.options, type=RunOptions)
    outbox, (median_s,) = TimedOutbox(), options.stagger
    worker = Worker(beginning, SimulatedTransport(ScriptedModel(SCRIPT), median_s=median_s), tasks)
    worker._outbox = outbox  # noqa: SLF001  to time it
    return worker, outbox


class Batches:
    """Instead of a worker: each answer brings up to `batch` turns, and the ends of episodes."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        # Trials under way and the index of each one's next turn; one turn of each in an answer.
        self._trials = deque[tuple[int, Trial, int]]()
        self._serial = 0

    def answer(self, pull: Pull) -> Haul:
        """At once."""
        self._trials.extend((grant.epoch, grant.trial, 0) for grant in pull.trials)
        items = [self._next() for _ in range(min(self._batch, len(self._trials)))]
        wants = [
            Want(lease, "m", None, 4 * self._batch)
            for lease in pull.held[: len(self._trials) < 4 * self._batch]
        ]
        return Haul(pull.round, tuple(items), tuple(wants))

    def _next(self) -> Delivery:
        epoch, trial, index = self._trials.popleft()
        self._serial += 1
        if index == TURNS:
            record = as_json(an_episode(trial))
            return Delivery(self._serial, epoch, trial.trial_id, "episode", index, record)
        self._trials.append((epoch, trial, index + 1))
        record = as_json(a_turn(index, text=TEXT))
        return Delivery(self._serial, epoch, trial.trial_id, "turn", index, record)


async def work(fd: int, batch: int) -> None:
    """Be a worker process, a whole one or, with a batch, its double; then say what was measured."""
    frames = await Frames.over(socket.socket(fileno=fd))
    beginning = decode_beginning(await frames.receive())
    async with anyio.create_task_group() as tasks:
        worker, outbox = timed(beginning, tasks)
        double = Batches(batch)
        with suppress(Hangup):
            while True:
                pull = decode_pull(await frames.receive())
                answer = double.answer(pull) if batch else await worker.answer(pull)
                await frames.send(encode(answer))
        tasks.cancel_scope.cancel()
    sys.stdout.write(json.dumps(outbox.waited_s))


class TimedActor(WorkerActor):
    """The same as an actor."""

    async def _work(self, beginning: bytes) -> None:
        async with anyio.create_task_group() as tasks:
            self._worker, self._outbox = timed(decode_beginning(beginning), tasks)
            self._loop = asyncio.get_running_loop()
            self._is_ready.set()
            await anyio.sleep_forever()

    def waited_s(self) -> list[float]:
        """Of each item so far."""
        return self._outbox.waited_s


class BatchActor:
    """The double as an actor."""

    batch = 10

    def begin(self, beginning: bytes) -> Started:
        """See `WorkerActor`."""
        del beginning
        self._double = Batches(self.batch)
        return Started(__version__, os.getpid(), socket.gethostname())

    def answer(self, question: bytes) -> bytes:
        """See `WorkerActor`."""
        return encode(self._double.answer(decode_pull(question)))


# --- at the driver's end ---------------------------------------------------------------------


class Way(NamedTuple):
    """How workers are hired; at the end, what they waited. `pids` are those hired."""

    hire: Hire
    pids: list[int]
    waited_s: Callable[[], Awaitable[list[float]]]


@asynccontextmanager
async def sockets(
    begin: Callable[[str], Beginning], workers: int, batch: int
) -> AsyncIterator[Way]:
    """Worker processes of this file over Unix sockets."""
    links: list[ProcessLink] = []
    ends: list[Frames] = []

    async def hire(worker: str) -> ProcessLink:
        if len(links) == workers:
            raise LinkBroken("there are no more")
        ours, theirs = socket.socketpair()
        with theirs:
            process = await anyio.open_process(
                [sys.executable, __file__, str(theirs.fileno()), str(batch)],
                pass_fds=(theirs.fileno(),), stdout=subprocess.PIPE, stderr=None,
            )  # fmt: skip
        ends.append(await Frames.over(ours))
        links.append(ProcessLink(process, ends[-1]))
        pids.append(process.pid)
        await ends[-1].send(encode(begin(worker)))
        return links[-1]

    async def waited_s() -> list[float]:
        found: list[float] = []
        for link, end in zip(links, ends, strict=True):
            await end.close()
            assert link.process.stdout is not None  # noqa: S101  a pipe, see above
            found += json.loads(b"".join([part async for part in link.process.stdout]))
            await link.process.wait()
        return found

    pids: list[int] = []
    yield Way(hire, pids, waited_s)


@asynccontextmanager
async def actors(begin: Callable[[str], Beginning], workers: int, batch: int) -> AsyncIterator[Way]:
    """Actors of a Ray cluster of this machine."""
    links: list[ray_backend.ActorLink] = []
    pids: list[int] = []
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # actors import this file
    in_its_place: Any = ray_backend
    in_its_place.WorkerActor = BatchActor if batch else TimedActor
    async with ray_backend.ray_cluster("", workers, begin, lambda _: None) as (_, product_hire):

        async def hire(worker: str) -> ray_backend.ActorLink:
            link = await product_hire(worker)
            assert isinstance(link, ray_backend.ActorLink)  # noqa: S101  what that hires
            links.append(link)
            pids.append(int(link.place.split()[1]))
            return link

        async def waited_s() -> list[float]:
            if batch:
                return []
            return [s for link in links for s in await link._actor.waited_s.remote()]  # noqa: SLF001  to ask it more

        yield Way(hire, pids, waited_s)


class Moment(NamedTuple):
    """How far a run was, and the CPU seconds used until then by the driver and by its workers."""

    at_s: float
    turns: int
    driver_s: float
    workers_s: float


class CountedLink:
    """A link that notes the bytes of every answer that brings anything."""

    def __init__(self, link: Link, answers: list[int]) -> None:
        self._link, self._answers = link, answers

    @property
    def place(self) -> str:
        """See `Link.place`."""
        return self._link.place

    async def ask(self, question: bytes) -> bytes:
        """See `Link.ask`."""
        answer = await self._link.ask(question)
        if len(answer) > LEAST:
            self._answers.append(len(answer))
        return answer


def cpu_s(pid: int) -> float:
    """CPU seconds of a process until now; 0 where it is gone."""
    with suppress(FileNotFoundError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return 0.0


def middle(moments: Sequence[Moment]) -> Figures:
    """Rates from a tenth to nine tenths of all turns."""
    turns = moments[-1].turns
    inner = [m for m in moments if 0.1 * turns <= m.turns <= 0.9 * turns]
    first, last = inner[0], inner[-1]
    took_s, done = last.at_s - first.at_s, last.turns - first.turns
    driver_s, workers_s = last.driver_s - first.driver_s, last.workers_s - first.workers_s
    return {
        "turns": turns, "turns_per_s": round(done / took_s),
        "driver_cores": round(driver_s / took_s, 2), "worker_cores": round(workers_s / took_s, 2),
        "driver_ms_per_turn": round(1000 * driver_s / done, 3),
        "worker_ms_per_turn": round(1000 * workers_s / done, 3),
    }  # fmt: skip


async def drive(
    folder: Path,
    way: Callable[[Callable[[str], Beginning], int, int], Any],
    *,
    workers: int = 1,
    batch: int = 0,
    rps: float | None = None,
    median_s: float = 0.05,
    episodes: int = 2000,
) -> Figures:
    """Run so many episodes of four turns; figures of both sides."""
    options = RunOptions(
        prompt_types=("optimal",), task_types=("simple_task",), num_instances=episodes,
        rate_mode="fixed", results=str(folder), stagger=(median_s,),
    )  # fmt: skip
    said = msgspec.json.encode(options)
    endpoints = [
        msgspec.structs.replace(
            an_endpoint(f"m-{n}", max_workers=2000, qps=rps and rps / workers), model="m", number=n
        )
        for n in range(workers)
    ]

    def begin(worker: str) -> Beginning:
        return Beginning(worker, said, {}, simulated=True, lease_s=LEASE_S)

    moments: list[Moment] = []
    answers: list[int] = []
    async with AsyncExitStack() as stack:
        way_there = await stack.enter_async_context(way(begin, workers, batch))
        store = await stack.enter_async_context(
            open_store(folder, Header(suite=WORKFLOWS.version, seed=0), in_batches=True)
        )
        plan = make_plan(options, endpoints, store.take_finished())
        session = Session(plan, store, simulated=True)

        async def hire(worker: str) -> Link:
            return CountedLink(await way_there.hire(worker), answers)

        driver = Driver(
            plan.endpoints, workers, hire,
            patience_s=PATIENCE_S, on_event=session.hear, say=session.say,
        )  # fmt: skip

        async def watch() -> None:
            while True:
                await anyio.sleep(SAMPLE_S)
                theirs = sum(map(cpu_s, way_there.pids))
                calls = session.progress().calls
                moments.append(Moment(time.monotonic(), calls, time.process_time(), theirs))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await session.run(driver)
            tasks.cancel_scope.cancel()
        figures = middle(moments)
        waited = await way_there.waited_s()
    if waited:
        percentiles = quantiles(waited, n=100)
        figures["acknowledged_p50_ms"] = round(1000 * percentiles[49], 1)
        figures["acknowledged_p99_ms"] = round(1000 * percentiles[98], 1)
    per_turn = sum(answers) / figures["turns"]
    figures["turns_in_an_answer"] = round(figures["turns"] / len(answers), 1)
    figures["mb_per_s"] = round(per_turn * figures["turns_per_s"] / 1e6, 2)
    return figures


WAYS: dict[str, Callable[[Callable[[str], Beginning], int, int], Any]] = {
    "unix socket": sockets,
    "ray": actors,
}


def transport(way: str, name: str) -> Figures:
    """One part: `paced`, `flat out`, `two flat out` or `ceiling`."""
    parts: dict[str, Figures] = {
        "paced": {"rps": 500.0, "median_s": 0.5},
        "flat out": {},
        "two flat out": {"workers": 2},
        "ceiling": {"workers": 8, "batch": 10, "episodes": 5000},
    }
    with tempfile.TemporaryDirectory() as folder, tuned_interpreter():

        async def main() -> Figures:
            return await drive(Path(folder) / "r", WAYS[way], **parts[name])

        return anyio.run(main, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    with tuned_interpreter():
        anyio.run(work, int(sys.argv[1]), int(sys.argv[2]), backend_options={"use_uvloop": True})
