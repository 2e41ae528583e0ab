"""Ray nodes of this machine, the shipped pool behind an emulator, and what of it was paid for."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.error import URLError

from proving_ground import ProvingGround
from stormproof.plan import SHIPPED_POOL
from stormproof.report.run_workers import WorkerSample, last_workers

SHIPPED_KEYS = ("AZURE_OPENAI_API_KEY", *(f"IDEALLAB_API_KEY_{n}" for n in range(3)))
Figures = dict[str, Any]
LOOK_S = 0.05


class RayNodes:
    """Ray nodes of this machine, each with a raylet of its own. Needs Ray.

    A node that says nothing is taken for dead after a minute, or, if `impatient`, a quarter of one.
    """

    def __init__(self, nodes: int, *, impatient: bool = False) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster  # noqa: PLC0415  an extra

        head: Figures = {
            "num_cpus": 2,
            "include_dashboard": False,
            "object_store_memory": 80_000_000,
        }
        if impatient:
            head["_system_config"] = {
                "health_check_initial_delay_ms": 0, "health_check_period_ms": 1000,
                "health_check_timeout_ms": 3000, "health_check_failure_threshold": 4,
            }  # fmt: skip
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(nodes - 1):
            self.add()

    def __enter__(self) -> Self:
        """They run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Shut all down."""
        self._cluster.shutdown()

    @property
    def address(self) -> str:
        """Where the cluster is joined."""
        address: str = self._cluster.address
        return address

    def add(self) -> None:
        """One more node."""
        self._cluster.add_node(num_cpus=2, object_store_memory=80_000_000)

    def remove(self) -> None:
        """Take away a node that is not the head."""
        node = next(iter(self._cluster.worker_nodes))
        self._cluster.remove_node(node, allow_graceful=False)

    def raylets(self) -> list[int]:
        """Process ids of the raylets."""
        nodes = self._cluster.list_all_nodes()
        return [node.all_processes["raylet"][0].process.pid for node in nodes]

    def node_of(self, pid: int) -> int:
        """The raylet of the node that a worker is on."""
        return next(raylet for raylet in self.raylets() if pid in children(raylet, "ray::"))

    def actors(self) -> list[int]:
        """Process ids of our workers, on every node."""
        return [pid for raylet in self.raylets() for pid in children(raylet, "ray::WorkerActor")]


class ShippedGround(ProvingGround):
    """The shipped pool behind an emulator."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        super().__init__(folder, options)
        self.pool.write_text(Path(SHIPPED_POOL).read_text())

    def start(self, results: str, *words: str, **given: Any) -> subprocess.Popen[bytes]:
        """See `ProvingGround.start`."""
        at = f"http://127.0.0.1:{self.port}"
        found = {"AZURE_OPENAI_ENDPOINT": f"{at}/azure", "IDEALLAB_BASE_URL": f"{at}/ideallab"}
        found |= {key: f"emulated-{key}" for key in SHIPPED_KEYS}
        return super().start(results, *words, environ=found, **given)


def children(pid: int, name: str) -> list[int]:
    """Child processes whose command line holds the name."""
    words = ["pgrep", "-P", str(pid), "-f", name]
    found = subprocess.run(words, capture_output=True, check=False)
    return [int(each) for each in found.stdout.split()]


class Paid:
    """Turns that were kept, and how often each had been asked for when that was first seen."""

    def __init__(self, ground: ProvingGround, results: str) -> None:
        self._ground, self._results = ground, results
        self._asked: dict[str, int] = {}

    def note(self) -> None:
        """Look now: what is kept by now must not be asked for again."""
        repeats = self._repeats()
        for turn in self._ground.journalled(self._results):
            self._asked.setdefault(turn, repeats.get(turn, 1))

    def repeated(self) -> int:
        """How often kept turns were asked for since."""
        repeats = self._repeats()
        return sum(repeats.get(turn, 1) - before for turn, before in self._asked.items())

    def __len__(self) -> int:
        return len(self._asked)

    def _repeats(self) -> dict[str, int]:
        """A busy machine may take its time to say it."""
        for _ in range(10):
            with suppress(TimeoutError, URLError):
                found: dict[str, int] = self._ground.stats()["repeats"]
                return found
        raise TimeoutError("the emulator does not say what it was asked")


def workers_of(ground: ProvingGround, results: str) -> list[WorkerSample]:
    """The run's workers, as they were within the last second."""
    return last_workers(ground.folder / results)


def pid_of(worker: WorkerSample) -> int:
    """Its process."""
    return int(worker.place.split()[1])


class Asked(NamedTuple):
    """Requests that endpoints had been sent at an instant of the emulator's clock, in seconds."""

    at_s: float
    requests: int


def asked(ground: ProvingGround, endpoints: Sequence[str]) -> Asked:
    """Until now: admitted ones and refused ones."""
    stats = ground.stats()
    tallies = [stats["endpoints"][name] for name in endpoints]
    requests = sum(tally["accepted"] + sum(tally["refused"].values()) for tally in tallies)
    return Asked(stats["now_s"], requests)


def widest_gap(ground: ProvingGround, endpoints: Sequence[str], seconds: float) -> Figures:
    """Look on for so long: when these were sent nothing for longest, from now on.

    The emulator is asked every `LOOK_S`, so that is how late either end may be.
    """
    began = asked(ground, endpoints)
    last, widest = began, (0.0, 0.0)
    while (now := asked(ground, endpoints)).at_s < began.at_s + seconds:
        if now.requests > last.requests:
            widest = max(widest, (now.at_s - last.at_s, last.at_s - began.at_s))
        if now.requests > last.requests or now.at_s - last.at_s < LOOK_S:
            last = now
        time.sleep(LOOK_S)
    gap_s, from_s = widest
    return {"sent_last_after_s": round(from_s, 2), "sent_again_after_s": round(from_s + gap_s, 2)}
