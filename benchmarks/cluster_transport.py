"""What the way from a worker to the journal and back takes. One JSON line per figure.

    .venv/bin/python benchmarks/cluster_transport.py

The worker is a process over a pair of Unix sockets; its model calls are answered by a double, so
that what is measured is episodes, messages and the journal.
"""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import quantiles

import anyio
import msgspec

from stormproof.backends.driver import Driver, LinkBroken
from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S
from stormproof.backends.messages import Beginning, decode_beginning, decode_pull, encode
from stormproof.backends.unix_socket import Frames, Hangup, ProcessLink
from stormproof.backends.worker import Outbox, Worker
from stormproof.plan import RunOptions, make_plan
from stormproof.session import Session
from stormproof.store import Header, open_store
from stormproof.suites.workflows import WORKFLOWS
from stormproof.testing import ScriptedModel, SimulatedTransport
from stormproof.testing.records import an_endpoint

SCRIPT = ["let me think"] * 3 + ["I have finished. <finish>done</finish>"]


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


async def work(fd: int, median_s: float) -> None:
    """Be the worker; say at the end what was measured."""
    frames = await Frames.over(socket.socket(fileno=fd))
    beginning = decode_beginning(await frames.receive())
    outbox = TimedOutbox()
    async with anyio.create_task_group() as tasks:
        transport = SimulatedTransport(ScriptedModel(SCRIPT), median_s=median_s)
        worker = Worker(beginning, transport, tasks)
        worker._outbox = outbox  # noqa: SLF001  to time it
        with suppress(Hangup):
            while True:
                pull = decode_pull(await frames.receive())
                await frames.send(encode(await worker.answer(pull)))
        tasks.cancel_scope.cancel()
    sys.stdout.write(json.dumps(outbox.waited_s))


async def drive(
    folder: Path, rps: float | None, median_s: float, episodes: int
) -> dict[str, float]:
    """Run so many episodes of four turns at this pace; figures of both sides."""
    options = RunOptions(
        prompt_types=("optimal",), task_types=("simple_task",), num_instances=episodes,
        rate_mode="fixed", results=str(folder),
    )  # fmt: skip
    endpoint = an_endpoint("m", max_workers=2000, qps=rps)
    ours, theirs = socket.socketpair()
    with theirs:
        process = await anyio.open_process(
            [sys.executable, __file__, str(theirs.fileno()), str(median_s)],
            pass_fds=(theirs.fileno(),), stdout=subprocess.PIPE, stderr=None,
        )  # fmt: skip
    frames = await Frames.over(ours)

    async def hire(worker: str) -> ProcessLink:
        if worker != "worker 1":
            raise LinkBroken("there is one worker alone")
        said = msgspec.json.encode(options)
        await frames.send(encode(Beginning(worker, said, {}, simulated=True, lease_s=LEASE_S)))
        return ProcessLink(process, frames)

    async with open_store(folder, Header(suite=WORKFLOWS.version, seed=0)) as store:
        plan = make_plan(options, [endpoint], store.take_finished())
        session = Session(plan, store, simulated=True)
        driver = Driver(
            plan.endpoints, 1, hire,
            patience_s=PATIENCE_S, on_event=session.hear, say=session.say,
        )  # fmt: skip
        began, own = time.monotonic(), time.process_time()
        await session.run(driver)
        took_s, own_s = time.monotonic() - began, time.process_time() - own
    await frames.close()
    said = b"".join([part async for part in process.stdout]) if process.stdout else b""
    await process.wait()
    theirs_s = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = quantiles(json.loads(said), n=100)
    turns = session.progress().calls
    return {
        "turns": turns, "turns_per_s": round(turns / took_s, 1),
        "acknowledged_p50_ms": round(1000 * waited[49], 1),
        "acknowledged_p99_ms": round(1000 * waited[98], 1),
        "driver_cores": round(own_s / took_s, 2),
        "worker_cpu_s": round(theirs_s.ru_utime + theirs_s.ru_stime, 1),
        "seconds": round(took_s, 1),
    }  # fmt: skip


def main() -> None:
    """At 500 turns/s, and as fast as it goes."""
    for name, rps, median_s in (("500 turns/s", 500.0, 0.5), ("as fast as it goes", None, 0.05)):
        with tempfile.TemporaryDirectory() as folder:
            found = anyio.run(
                drive, Path(folder) / "r", rps, median_s, 2000,
                backend_options={"use_uvloop": True},
            )  # fmt: skip
        print(json.dumps({"figure": "transport", "pace": name} | found), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        anyio.run(work, int(sys.argv[1]), float(sys.argv[2]))
    else:
        main()
