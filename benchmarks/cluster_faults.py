"""Workers that are killed, stand still or are given up for dead: who sends what, and until when.

Parts of `cluster.py`. Instants are of the emulator's own clock. Where it matters that a worker
which nobody hears goes on, all requests are refused beforehand: then it has something to send, a
canary every other second, though no turn is acknowledged.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cluster_ground import Figures, RayNodes, asked, pid_of, widest_gap, workers_of
from proving_ground import ProvingGround
from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S
from stormproof.report.run_workers import WorkerSample

GRID = ("--prompt-types", "optimal", "--num-instances", "400")
OPTIONS = {"seed": 1, "time_scale": 0.5}
REFUSING = OPTIONS | {"rules": [{"match": "*", "qps": 0.001, "retry_after": "1"}]}
WORKERS = 2
MOST_S = 90.0  # for anything that is waited for


def halt(*pids: int) -> None:
    """Let them stand still."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def resume(*pids: int) -> None:
    """Let them go on."""
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


class TwoWorkers:
    """A run with two workers, one of which something is to befall."""

    def __init__(self, ground: ProvingGround, *words: str) -> None:
        self.ground = ground
        self.process = ground.start("f", *GRID, "--workers", str(WORKERS), *words)
        ground.await_turns("f", self.process, 100)
        self.victim, self.other = self._at_work()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def _at_work(self) -> list[WorkerSample]:
        """Both, as soon as the workers' lines say who has what."""
        until = time.monotonic() + MOST_S
        while len(found := [w for w in workers_of(self.ground, "f") if w.endpoints]) < WORKERS:
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the run has no two workers:\n{self.log}")
            time.sleep(0.2)
        return found

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.ground.folder / "f.log").read_text()

    def await_said(self, words: str) -> None:
        """Wait until it has said so."""
        until = time.monotonic() + MOST_S
        while words not in self.log:
            if time.monotonic() > until:
                raise TimeoutError(f"the run did not say: {words}")
            time.sleep(0.05)

    def behave(self, options: Figures) -> None:
        """The emulator behaves so from now on."""
        url, head = f"http://127.0.0.1:{self.ground.port}/_emulator/rules", "application/json"
        body = json.dumps(options).encode()
        request = urllib.request.Request(url, body, {"content-type": head})
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310  our own

    def finish(self) -> Figures:
        """Drain it; what it said of late turns."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(MOST_S)
        late = re.search(r"(\d+) turns came under leases", self.log)
        return {"exit": code, "late_turns_rejected": int(late[1]) if late else 0}


def killed_worker(folder: Path) -> Figures:
    """How soon a killed worker's endpoints are sent to again; several times."""
    found = []
    for number in range(3):
        with (
            ProvingGround(folder / f"killed{number}", OPTIONS) as ground,
            TwoWorkers(ground) as run,
        ):
            os.kill(pid_of(run.victim), signal.SIGKILL)
            found.append(widest_gap(ground, run.victim.endpoints, 4)["sent_again_after_s"])
    return {"sent_again_after_s": found, "most": max(found), "target_s": 1.0}


def frozen_node(folder: Path) -> Figures:
    """A node, raylet and worker, stands still for longer than the lease; then it goes on.

    When it does, its endpoints' new owner stands still, so that whatever is sent is the old one's.
    """
    with (
        ProvingGround(folder / "frozen", OPTIONS) as ground,
        RayNodes(2) as nodes,
        TwoWorkers(ground, "--backend", "ray", "--ray-address", nodes.address) as run,
    ):
        everything = (*run.victim.endpoints, *run.other.endpoints)
        node = (nodes.node_of(pid_of(run.victim)), pid_of(run.victim))
        halt(*node)
        gap = widest_gap(ground, run.victim.endpoints, PATIENCE_S + 3)
        halt(pid_of(run.other))
        time.sleep(0.5)
        before = asked(ground, everything)
        resume(*node)
        time.sleep(4)
        after = asked(ground, everything)
        resume(pid_of(run.other))
        run.await_said("back, without what it had")
        return gap | {
            "target_s": PATIENCE_S + 1,
            "sent_by_the_old_owner_then": after.requests - before.requests,
        } | run.finish()  # fmt: skip


def silent_raylet(folder: Path) -> Figures:
    """A raylet alone stands still; Ray takes its worker for dead, which goes on all the same."""
    with (
        ProvingGround(folder / "silent", OPTIONS) as ground,
        RayNodes(2, impatient=True) as nodes,
        TwoWorkers(ground, "--backend", "ray", "--ray-address", nodes.address) as run,
    ):
        raylet = nodes.node_of(pid_of(run.victim))
        run.behave(REFUSING)
        time.sleep(2)
        halt(raylet)
        run.await_said("its endpoints wait until its lease is over")
        gap = widest_gap(ground, run.victim.endpoints, PATIENCE_S + 3)
        is_alive = Path(f"/proc/{pid_of(run.victim)}").exists()
        resume(raylet)
        run.behave(OPTIONS)
        return {"lease_s": LEASE_S, "old_owner_lives": is_alive} | gap | run.finish()


def frozen_driver(folder: Path) -> Figures:
    """The driver stands still; its workers go on until their leases end, and no longer."""
    with ProvingGround(folder / "driver", OPTIONS) as ground, TwoWorkers(ground) as run:
        everything = (*run.victim.endpoints, *run.other.endpoints)
        run.behave(REFUSING)
        time.sleep(2)
        halt(run.process.pid)
        began = asked(ground, everything)
        rose = [began]
        while (now := asked(ground, everything)).at_s < began.at_s + 2 * LEASE_S:
            if now.requests > rose[-1].requests:
                rose.append(now)
            time.sleep(0.05)
        resume(run.process.pid)
        run.behave(OPTIONS)
        return {
            "lease_s": LEASE_S, "stood_still_s": round(now.at_s - began.at_s, 1),
            "sent_meanwhile": rose[-1].requests - began.requests,
            "sent_last_after_s": round(rose[-1].at_s - began.at_s, 2),
        } | run.finish()  # fmt: skip


FAULTS: dict[str, Callable[[Path], Figures]] = {
    "killed_worker": killed_worker,
    "frozen_node": frozen_node,
    "silent_raylet": silent_raylet,
    "frozen_driver": frozen_driver,
}
