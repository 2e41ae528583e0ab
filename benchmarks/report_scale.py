"""How long the whole report of a large run takes, and how much memory.

A results folder with `--episodes` episodes (5 models, 10 prompt types, 4 rates, three turns each)
is made with the real store; then a fresh process writes every format. One JSON line per figure;
`ratio` is to the time of reading the episode table alone, measured in the same process.

    .venv/bin/python benchmarks/report_scale.py [--episodes 100000] [--folder KEEP]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np

from stormproof.domain.calls import Answer, Message, Reply, Usage
from stormproof.domain.conditions import PROMPT_TYPES, TASK_TYPES, Condition
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import make_trial
from stormproof.store import Header, Store, open_store

MODELS = tuple(f"model-{name}" for name in "abcde")
RATES = (0.6, 0.7, 0.8, 0.9)
BATCH = 2_000
MB = 1024


def episodes(count: int) -> Iterator[Episode]:
    """Made from a seed: tasks differ, models differ, flaws cost, luck is shared."""
    rng = np.random.default_rng(0)
    grid = [(m, p, r) for m in range(len(MODELS)) for p in PROMPT_TYPES for r in RATES]
    for number in range(count):
        task, (model, prompt, rate) = number // len(grid), grid[number % len(grid)]
        luck = np.random.default_rng(task).random()
        chance = rate * (0.9 - 0.12 * model) * (0.7 if prompt.startswith("flawed") else 1)
        yield episode(task, MODELS[model], Condition(prompt, "easy", rate), luck < chance, rng)


def episode(
    task: int,
    model: str,
    condition: Condition,
    full: bool,  # noqa: FBT001  one caller
    rng: np.random.Generator,
) -> Episode:
    """Three turns of plausible size."""
    trial = make_trial(
        suite="bench",
        seed=0,
        model=model,
        task_id=f"simple_task.easy.{task:05}",
        task_type=TASK_TYPES[task % len(TASK_TYPES)],
        condition=condition,
    )
    call = Execution("network_fetcher", {"source": "https://api.example"}, ok=full)
    reply = Reply("word " * 60 + "<tool_call>network_fetcher", usage=Usage(900, 80))
    shown = (Message("user", "result " * 80),)
    turns = tuple(
        Turn(i, Answer(reply, f"{model}-{i}", latency_ms=900), "call", (call,), shown)
        for i in range(3)
    )
    level: Any = "full" if full else "partial" if rng.random() < 0.5 else "failed"  # noqa: PLR2004
    score = Score(level, full, 0.7, 0.8, 0.9, None, 0, "" if full else "incomplete")
    started = 1.7e9 + task
    return Episode(
        trial, "completed", "done", turns, score, condition.tool_success_rate, simulated=True,
        started_at=started, ended_at=started + 3,
    )  # fmt: skip


async def fill(folder: Path, count: int) -> None:
    """Into a results folder, a batch at a time."""
    header = Header(suite="bench", seed=0, simulated=True)
    async with open_store(folder, header) as store:
        batch: list[Episode] = []
        for made in episodes(count):
            batch.append(made)
            if len(batch) == BATCH:
                await keep(store, batch)
                batch.clear()
        await keep(store, batch)


async def keep(store: Store, batch: list[Episode]) -> None:
    """All at once, so that they share their fsyncs."""
    async with anyio.create_task_group() as tasks:
        for made in batch:
            tasks.start_soon(store.episode, made)


def measure(folder: Path) -> None:
    """In a process of its own: write the report, print the figures."""
    from stormproof.report import write_report  # noqa: PLC0415  the import is part of the time
    from stormproof.store import episode_table  # noqa: PLC0415

    begun = time.perf_counter()
    rows = episode_table(folder).num_rows
    reading = time.perf_counter() - begun
    begun, spent = time.perf_counter(), time.process_time()
    written = write_report(folder)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB
    page = written["html"][-1].stat().st_size / MB / MB
    figures = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak, "page_mb": page}
    for figure, value in figures.items():
        line: dict[str, object] = {"figure": f"report.{figure}", "episodes": rows}
        line["value"] = round(value, 2)
        if figure == "seconds":
            line["ratio"] = round(seconds / reading, 1)
        print(json.dumps(line))


def main() -> None:
    """Make the folder if it is not there, and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    if options.measure:
        measure(options.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "results"
        if not folder.exists():
            anyio.run(fill, folder, options.episodes)
        command = [sys.executable, __file__, "--measure", "--folder", str(folder)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
