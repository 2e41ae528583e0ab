"""Many workers: what survives their deaths, who may send, and what a driver can take.

    .venv/bin/python benchmarks/cluster.py                    all parts, about half an hour
    .venv/bin/python benchmarks/cluster.py kills fairness     some of them

Prints one JSON line per figure, with the machine's load before it: times are an upper bound where
others use the machine, ratios are taken in one run. Ray runs on this machine, as several nodes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from cluster_faults import FAULTS
from cluster_ground import Figures, Paid, RayNodes, ShippedGround
from cluster_shares import SHARES
from cluster_transport import transport
from proving_ground import ProvingGround
from stormproof.store import episode_table, same_records

EPISODES = 2000


def grid(episodes: int) -> tuple[str, ...]:
    """About so many episodes of the shipped pool: 14 models, 5 task types."""
    return ("--prompt-types", "optimal", "--num-instances", str(max(1, round(episodes / 70))))


def kills(folder: Path, episodes: int = EPISODES, seed: int = 1) -> Figures:
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
            if death == "n":
                nodes.remove()
                nodes.add()
            elif death == "d":
                process.kill()
                process.wait()
                process = ground.start("b", *grid(episodes), *joined)
            else:
                os.kill(rng.choice(nodes.actors()), signal.SIGKILL)
            done[death] += 1
        code = process.wait(1800) and ground.finish("b", *grid(episodes), *joined)
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


def pace(folder: Path, workers: int, episodes: int, *, time_scale: float) -> Figures:
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


def scaling(folder: Path) -> Iterator[Figures]:
    """Without workers, with one and with two."""
    for workers in (0, 1, 2):
        yield pace(folder, workers, EPISODES, time_scale=0.02)


def transports(_: Path) -> Iterator[Figures]:
    """Both ways, paced, as fast as one whole worker goes, and as fast as the driver takes turns."""
    for way in ("unix socket", "ray"):
        for name in ("paced", "flat out", "two flat out", "ceiling"):
            yield {"way": way, "pace": name} | transport(way, name)


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001  an assertion that stays
    """Stop where a measurement would mean nothing."""
    if not holds:
        sys.exit(otherwise)


def once(part: Callable[[Path], Figures]) -> Callable[[Path], Iterator[Figures]]:
    """A part of one figure."""
    return lambda folder: iter([part(folder)])


PARTS: dict[str, Callable[[Path], Iterator[Figures]]] = {
    "transport": transports,
    **{name: once(part) for name, part in {**FAULTS, **SHARES}.items()},
    "scaling": scaling,
    "kills": once(kills),
}


def main() -> None:
    """Run the parts asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    asked = parser.parse_args()
    for name in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[name](Path(folder))
            load = os.getloadavg()[0]
            for found in figures:
                print(json.dumps({"figure": name, "load": round(load, 1)} | found), flush=True)
                load = os.getloadavg()[0]


if __name__ == "__main__":
    main()
