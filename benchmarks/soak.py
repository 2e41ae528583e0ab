"""Memory of a long run: where it stands after warm-up and at the end, and how fast it grows."""

from __future__ import annotations

import subprocess
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import inf
from pathlib import Path
from statistics import mean

from scipy.stats import linregress, t

from proving_ground import ProvingGround
from stormproof.store import episode_table
from stormproof.store.folder import SEAL_AT

EVERY_S = 0.5
WARM_TASKS = 1_100  # a run remembers 1,024 tasks of a level, of some 60 kB each
LEAST_CYCLES = 10
INSTANCES = 5_000  # 500,000 trials: more than any soak gets through
MB = 1 << 20

Sample = tuple[float, float]  # wall clock, resident bytes


def soak(folder: Path, minutes: float) -> dict[str, float | int]:
    """Resident memory of a run of 30 minutes, as a rule; the table says how many it were.

    It grows by design until the run has met 1,100 tasks, more than it remembers at once: so long
    is the warm-up, or half the soak. Then it goes up and down with every 5,000 episodes, whose
    turns are sealed together. So the figures are means over such cycles: the first and the last
    after the warm-up, and the slope of the line through all of them in bytes for each episode that
    ends, with its 95 % interval. Nothing is kept of a trial that has ended: no growth is shown
    where that interval holds 0.
    """
    words = ("--prompt-types", "all", "--num-instances", str(INSTANCES))
    with ProvingGround(folder, {"seed": 1, "time_scale": 0.2}, workers=40) as ground:
        process = ground.start("a", *words)
        samples = watch(process, 60 * minutes)
        if process.poll() is not None:
            said = (folder / "a.log").read_text()[-2000:]
            raise SystemExit(f"torture: the run ended with {process.returncode}:\n{said}")
        process.terminate()
        process.wait(60)
    table = episode_table(folder / "a", ["ended_at", "task_id"])
    rows = sorted(zip(table["ended_at"].to_numpy(), map(str, table["task_id"]), strict=True))
    ended = [at for at, _ in rows]
    began, over = samples[0][0], samples[-1][0]
    warm_at = min(warmed_up_at(rows), (began + over) / 2)
    return {"minutes": round((over - began) / 60, 1), "episodes": len(ended),
            "minutes_of_warm_up": round((warm_at - began) / 60, 1),
            **growth([s for s in samples if s[0] >= warm_at], ended)}  # fmt: skip


def warmed_up_at(rows: Iterable[tuple[float, str]]) -> float:
    """When so many tasks had been met that no more are remembered; infinite where never.

    A row is when an episode ended, and its task's id; ascending.
    """
    met = set[str]()
    for at, task_id in rows:
        met.add(task_id)
        if len(met) >= WARM_TASKS:
            return at
    return inf


def watch(process: subprocess.Popen[bytes], seconds: float) -> list[Sample]:
    """Look at the process's memory until it ends, or for so long."""
    samples: list[Sample] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(EVERY_S)
        samples.append((time.time(), resident(process.pid)))
    return samples


def growth(samples: Sequence[Sample], ended: Sequence[float]) -> dict[str, float | int]:
    """What the samples say, given when episodes ended (ascending). Of at least 10 cycles."""
    done = [(bisect(ended, at), size) for at, size in samples]
    first = done[0][0]
    cycle = max(1, min(SEAL_AT, (done[-1][0] - first) // LEAST_CYCLES))
    cycles = defaultdict[int, list[tuple[int, float]]](list)
    for count, size in done:
        cycles[(count - first) // cycle].append((count, size))
    cycles.popitem()  # the last one was cut short
    episodes, held = (
        [mean(pair[axis] for pair in each) for each in cycles.values()] for axis in (0, 1)
    )
    line = linregress(episodes, held)
    margin = float(t.ppf(0.975, len(held) - 2)) * line.stderr
    return {
        "episodes_after_warm_up": done[-1][0] - first,
        "cycles": len(held),
        "mb_after_warm_up": round(held[0] / MB, 1),
        "mb_at_the_end": round(held[-1] / MB, 1),
        "mb_peak": round(max(size for _, size in done) / MB, 1),
        "bytes_per_episode": round(line.slope, 1),
        "bytes_per_episode_at_least": round(line.slope - margin, 1),
        "bytes_per_episode_at_most": round(line.slope + margin, 1),
    }


def resident(pid: int) -> float:
    """Bytes; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    line = next((s for s in status.splitlines() if s.startswith("VmRSS")), "VmRSS: 0 kB")
    return float(line.split()[1]) * 1024
