"""Many workers: what survives their deaths, and what a driver can take. One JSON line per figure.

    .venv/bin/python benchmarks/cluster.py [kills] [freeze] [scaling] [--episodes 2000]

`kills` starts a Ray cluster of three nodes on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

from proving_ground import ProvingGround
from stormproof.backends.lease_clock import LEASE_S, PATIENCE_S
from stormproof.plan import SHIPPED_POOL
from stormproof.store import episode_table, same_records

SHIPPED_KEYS = ("AZURE_OPENAI_API_KEY", *(f"IDEALLAB_API_KEY_{n}" for n in range(3)))


class RayNodes:
    """Ray nodes of this machine, each with a raylet of its own. Needs Ray."""

    def __init__(self, nodes: int) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        from ray.cluster_utils import Cluster  # noqa: PLC0415  an extra

        head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 80_000_000}
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


def grid(episodes: int) -> tuple[str, ...]:
    """About so many episodes of the shipped pool: 14 models, 5 task types."""
    return ("--prompt-types", "optimal", "--num-instances", str(max(1, round(episodes / 70))))


def kills(folder: Path, episodes: int, seed: int = 1) -> dict[str, Any]:
    """What happens to a run in which everything dies, against a calm one."""
    rng, options = random.Random(seed), {"seed": 1, "time_scale": 0.05}
    deaths = [*"wwwdwwnwwdwww"]  # ten workers; the driver twice; a node, for which another comes
    with ShippedGround(folder / "calm", options) as calm:
        require(calm.finish("a", *grid(episodes)) == 0, "the calm run failed")
    with ShippedGround(folder / "kills", options) as ground, RayNodes(3) as nodes:
        joined = ("--backend", "ray", "--ray-address", nodes.address, "--workers", "3")
        paid = Paid(ground, "b")
        process = ground.start("b", *grid(episodes), *joined)
        done = Counter[str]()
        for death in deaths:
            ground.await_turns("b", process, 3 * episodes // len(deaths))
            paid.note()
            if process.poll() is not None:
                break
            done[death] += 1
            if death == "n":
                nodes.remove()
                nodes.add()
            elif death == "d":
                process.kill()
                process.wait()
                process = ground.start("b", *grid(episodes), *joined)
            elif actors := nodes.actors():
                os.kill(rng.choice(actors), signal.SIGKILL)
        code = process.wait(600) and ground.finish("b", *grid(episodes), *joined)
        require(code == 0, "the last run failed")
        ids = episode_table(ground.folder / "b", ["trial_id"]).column("trial_id").to_pylist()
        planned = episode_table(calm.folder / "a", ["trial_id"]).num_rows
        return {
            "episodes": planned, "workers_killed": done["w"], "drivers_killed": done["d"],
            "nodes_removed_and_added": done["n"], "turns_kept_before_a_death": len(paid),
            "kept_calls_repeated": paid.repeated(), "lost": planned - len(set(ids)),
            "doubled": len(ids) - len(set(ids)),
            "records_that_differ": len(same_records(calm.folder / "a", ground.folder / "b")),
        }  # fmt: skip


def freeze(folder: Path) -> dict[str, Any]:
    """One of two workers stands still for longer than its lease; then it goes on."""
    with ProvingGround(folder / "freeze", {"seed": 1, "time_scale": 0.5}) as ground:
        process = ground.start(
            "f", "--prompt-types", "optimal", "--num-instances", "60", "--workers", "2"
        )
        ground.await_turns("f", process, 100)
        frozen, began = children(process.pid, "stormproof.backends")[0], time.monotonic()
        os.kill(frozen, signal.SIGSTOP)
        log = ground.folder / "f.log"
        while "does not answer" not in log.read_text() and process.poll() is None:
            time.sleep(0.05)
        given_up_s = time.monotonic() - began
        os.kill(frozen, signal.SIGCONT)
        code = process.wait(600)
        late = re.search(r"(\d+) turns came under leases", log.read_text())
        return {
            "exit": code, "given_up_after_s": round(given_up_s, 2),
            "lease_s": LEASE_S, "patience_s": PATIENCE_S,
            "came_back": "back, without what it had" in log.read_text(),
            "late_turns_rejected": int(late[1]) if late else 0,
        }  # fmt: skip


# --- how fast ------------------------------------------------------------------------------


def pace(folder: Path, workers: int, episodes: int, *, time_scale: float) -> dict[str, Any]:
    """Turns/s of so many worker processes, against an emulator in a process of its own."""
    options = {"seed": 1, "time_scale": time_scale}
    with ProvingGround(folder / f"pace{workers}", options, workers=200) as ground:
        words = ("--prompt-types", "optimal", "--num-instances", str(episodes // 10), "--quiet")
        more = ("--workers", str(workers)) if workers else ()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = ground.start("p", *words, *more)
        process.wait(1200)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        summary = json.loads((ground.folder / "p.log").read_text())
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {
            "workers": workers, "turns": summary["calls"],
            "turns_per_s": round(summary["calls"] / summary["elapsed_s"], 1),
            "cpu_ms_per_turn": round(1000 * cpu_s / summary["calls"], 2),
        }  # fmt: skip


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  an assertion that stays
    """Stop where a measurement would mean nothing."""
    if not holds:
        sys.exit(otherwise)


def main() -> None:
    """Run the sections asked for, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sections", nargs="*", default=["kills", "freeze", "scaling"])
    parser.add_argument("--episodes", type=int, default=2000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "kills" in asked.sections:
            print(json.dumps({"figure": "kills"} | kills(folder, asked.episodes)), flush=True)
        if "freeze" in asked.sections:
            print(json.dumps({"figure": "freeze"} | freeze(folder)), flush=True)
        for workers in (0, 1, 2) if "scaling" in asked.sections else ():
            found = pace(folder, workers, asked.episodes, time_scale=0.02)
            print(json.dumps({"figure": "scaling"} | found), flush=True)


if __name__ == "__main__":
    main()
