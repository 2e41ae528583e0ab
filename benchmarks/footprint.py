"""What a large run takes: memory, time to the first request, to resume, to report.

    python benchmarks/footprint.py [pool] [start] [resume] [report] [--seconds 60]

- `pool`: the whole shipped pool at once, over 1,500 slots, against the emulator in a process of its
  own with the limits that the pool declares: peak resident memory of the run, requests per second,
  and how full slow endpoints are kept beside fast ones.
- `start`: 50,000 planned trials; seconds from the start of the process to the first request.
- `resume`: the same with 100,000 trials finished already.
- `report`: the report of those 100,000 episodes; seconds and peak memory.

One JSON line per figure, with its target. `cpu_s` is processor time, which a machine that is busy
with other things does not stretch.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

from msgspec.structs import replace

from proving_ground import STORMPROOF, ProvingGround
from stormproof.domain.episodes import Episode
from stormproof.domain.trials import Trial
from stormproof.emulator import pool_endpoints
from stormproof.plan import plan_run, read_options
from stormproof.store import read_episodes
from stormproof.store.parts import RawEpisode, turns_of, write_part
from stormproof.store.record_lines import episode_record, turn_record

PLANNED = 50_000
FINISHED = 100_000
PART = 5_000  # episodes, as the store seals them
PER_INSTANCE = 2 * 10 * 5 * 5  # models, prompt types, levels, task types
EVERYTHING = ("--prompt-types", "all", "--difficulty", "all")


def main() -> None:
    """Measure what is asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["pool", "start", "resume", "report"])
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stormproof-footprint-") as name:
        folder = Path(name)
        if "pool" in given.what:
            whole_pool(folder / "pool", given.seconds)
        if "start" in given.what:
            with ProvingGround(folder / "start", {}) as ground:
                took = first_request(ground, PLANNED // PER_INSTANCE)
                told("start", planned=PLANNED, **took, target_s=2.0)
        if {"resume", "report"} & set(given.what):
            many_finished(folder / "finished", given.what)


def told(figure: str, **values: object) -> None:
    """One line."""
    print(json.dumps({"figure": figure, **values}), flush=True)


# --- the whole shipped pool ----------------------------------------------------------------


def whole_pool(folder: Path, seconds: float) -> None:
    """Run for a while; look at the second half of it."""
    folder.mkdir()
    words = ("run", "--results", "results", "--num-instances", "2000", "--quiet", "--json")
    process = subprocess.Popen([*STORMPROOF, *words], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        time.sleep(seconds / 2)
        before = _cpu_s(process.pid)
        time.sleep(seconds / 2)
        cpu_s, peak_mb = _cpu_s(process.pid) - before, _peak_mb(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    samples = _samples(folder / "results" / "pool.jsonl")
    rps = {name: mean(s["rps"] for s in kept) for name, kept in samples.items()}
    slots = {e.endpoint_id: e.limits.max_workers or 1 for e in pool_endpoints()}
    full = {n: min(1.0, mean(s["in_flight"] for s in k) / slots[n]) for n, k in samples.items()}
    slow_first = sorted(full, key=lambda name: rps[name] / (full[name] * slots[name] or 1))
    quarter = len(full) // 4
    slow, fast = (
        mean(full[n] for n in part) for part in (slow_first[:quarter], slow_first[-quarter:])
    )
    told("pool_memory", slots=sum(slots.values()), peak_mb=peak_mb, target_mb=400)
    told(
        "pool_speed",
        requests_per_s=round(sum(rps.values()), 1),
        run_cpu_share=round(2 * cpu_s / seconds, 3),
        cpu_ms_per_request=round(2000 * cpu_s / seconds / sum(rps.values()), 3),
    )
    told(
        "pool_fairness",
        slow_quarter_full=round(slow, 3),
        fast_quarter_full=round(fast, 3),
        emptiest=min(full, key=full.__getitem__),
        emptiest_full=round(min(full.values()), 3),
    )


def _samples(path: Path) -> Mapping[str, list[dict[str, Any]]]:
    """The second half of the run's samples, by endpoint."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    half = lines[-1]["t"] / 2
    found = defaultdict(list)
    for sample in lines:
        if sample["t"] >= half:
            found[sample["id"]].append(sample)
    return found


def _peak_mb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- a long plan, and one mostly done ------------------------------------------------------


def first_request(ground: ProvingGround, instances: int) -> dict[str, float]:
    """Seconds from the start of a run's process to the first request at the emulator."""
    before = ground.stats()
    start = time.monotonic()
    process = ground.start("results", "--quiet", *EVERYTHING, "--num-instances", str(instances))
    try:
        while _requests(ground.stats()) == _requests(before):
            if process.poll() is not None:
                raise RuntimeError((ground.folder / "results.log").read_text()[-2000:])
            time.sleep(0.01)
        took = time.monotonic() - start
        return {"first_request_s": round(took, 2), "cpu_s": _cpu_s(process.pid)}
    finally:
        process.kill()
        process.wait()


def _requests(stats: Mapping[str, Any]) -> int:
    return sum(each["accepted"] + each["waiting"] for each in stats["endpoints"].values())


def many_finished(folder: Path, what: Sequence[str]) -> None:
    """A folder of 100,000 finished trials, and a plan of a few more."""
    instances = FINISHED // PER_INSTANCE
    with ProvingGround(folder, {"time_scale": 0.02}) as ground:
        finish(ground, instances)
        if "report" in what:
            told("report", episodes=FINISHED, **report(folder), target_s=20, target_mb=1000)
        if "resume" in what:
            took = first_request(ground, instances + 1)
            told("resume", finished=FINISHED, **took, target_s=3.0)


def finish(ground: ProvingGround, instances: int) -> None:
    """Make the folder: a few real episodes, again and again, as those of all planned trials."""
    ground.finish("results", "--quiet", *EVERYTHING, "--num-instances", "1")
    folder = ground.folder / "results"
    templates = {(e.trial.task_type, e.trial.condition): e for e in read_episodes(folder)}
    for part in (*(folder / "episodes").iterdir(), *(folder / "turns").iterdir()):
        part.unlink()
    words = {"pool": str(ground.pool), "prompt_types": "all", "difficulties": "all"}
    options = read_options({**words, "num_instances": str(instances)}, {})
    plan = plan_run(options)
    trials = (trial for model in plan.models for _, trial in plan.trials(model))
    for number, some in enumerate(batched(trials, PART), 1000):
        rows = [_row(trial, templates[trial.task_type, trial.condition]) for trial in some]
        episodes = (row.episode for row in rows)
        write_part(folder, number, "parquet", turns=turns_of(rows), episodes=episodes)


def _row(trial: Trial, template: Episode) -> RawEpisode:
    turns = tuple(turn_record(trial.trial_id, turn) for turn in template.turns)
    return RawEpisode(episode_record(replace(template, trial=trial)), turns)


def batched(trials: Iterator[Trial], size: int) -> Iterator[list[Trial]]:
    """Lists of so many, the last one shorter."""
    while some := list(islice(trials, size)):
        yield some


def report(folder: Path) -> dict[str, float]:
    """Seconds and peak MB of `stormproof report`."""
    start = time.monotonic()
    process = subprocess.Popen(
        [*STORMPROOF, "report", "results"], cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    return {
        "exit": os.waitstatus_to_exitcode(status),
        "took_s": round(time.monotonic() - start, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": usage.ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
