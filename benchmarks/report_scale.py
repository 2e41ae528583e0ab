"""How long the report, the check and the exports of a large run take, and how much memory.

A results folder of a real plan (5 models, 10 prompt types, 4 rates, all task types, three turns an
episode) is filled by the real store; then a fresh process for each command does its work. Two JSON
lines each: seconds and the peak of memory. `ratio` is to the time of reading the episode table
alone, in the same process. Inspect logs are written where inspect_ai is installed.

    .venv/bin/python benchmarks/report_scale.py [--episodes 100000] [--folder KEEP]
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anyio
import msgspec
import numpy as np

from stormproof.domain.calls import Answer, Message, Reply, Usage
from stormproof.domain.conditions import PROMPT_TYPES, TASK_TYPES
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial
from stormproof.plan import Plan, RunOptions, plan_run
from stormproof.store import Header, Store, append_run, open_store
from stormproof.suites.workflows import WORKFLOWS

MODELS = (
    "DeepSeek-V3-0324",
    "gpt-4o-mini",
    "qwen2.5-72b-instruct",
    "qwen2.5-14b-instruct",
    "qwen2.5-3b-instruct",
)
RATES = (0.6, 0.7, 0.8, 0.9)
BATCH = 2_000
MB = 1024
LOST = 0.01  # of the episodes, to infrastructure


def plan_of(count: int) -> Plan:
    """The plan of so many trials, rounded down to whole instances."""
    cells = len(MODELS) * len(PROMPT_TYPES) * len(RATES) * len(TASK_TYPES)
    return plan_run(
        RunOptions(
            models=MODELS,
            prompt_types=PROMPT_TYPES,
            tool_success_rates=RATES,
            num_instances=max(1, count // cells),
        )
    )


def episodes(plan: Plan) -> Iterator[Episode]:
    """Made from a seed: tasks differ, models differ, flaws cost, luck is shared."""
    rng = np.random.default_rng(0)
    luck: dict[str, float] = {}
    for place, model in enumerate(plan.models):
        for _, trial in plan.trials(model):
            own = luck.setdefault(trial.task_id, rng.random())
            flaw = 0.7 if trial.condition.is_flawed else 1
            chance = trial.condition.tool_success_rate * (0.9 - 0.12 * place) * flaw
            yield episode(trial, own < chance, rng)


def episode(trial: Trial, full: bool, rng: np.random.Generator) -> Episode:  # noqa: FBT001  one caller
    """Three turns of plausible size."""
    call = Execution("network_fetcher", {"source": "https://api.example"}, ok=full)
    reply = Reply("word " * 60 + "<tool_call>network_fetcher", usage=Usage(900, 80))
    shown = (Message("user", "result " * 80),)
    turns = tuple(
        Turn(i, Answer(reply, f"{trial.model}-{i}", latency_ms=900), "call", (call,), shown)
        for i in range(3)
    )
    level: Any = "full" if full else "partial" if rng.random() < 0.5 else "failed"  # noqa: PLR2004
    score = Score(level, full, 0.7, 0.8, 0.9, None, 0, "" if full else "incomplete")
    ceiling, began = trial.condition.tool_success_rate, 1.7e9
    if rng.random() < LOST:
        why = f"HTTP 503 after {rng.integers(1, 60)} s"
        return Episode(
            trial, "infrastructure", "infrastructure", turns[:1], None, ceiling, error=why,
            simulated=True, started_at=began, ended_at=began + 3,
        )  # fmt: skip
    return Episode(
        trial, "completed", "done", turns, score, ceiling, simulated=True, started_at=began,
        ended_at=began + 3,
    )  # fmt: skip


async def fill(folder: Path, plan: Plan) -> None:
    """Into a results folder, a batch at a time."""
    header = Header(suite=WORKFLOWS.version, seed=plan.options.seed, simulated=True)
    async with open_store(folder, header) as store:
        batch: list[Episode] = []
        for made in episodes(plan):
            batch.append(made)
            if len(batch) == BATCH:
                await keep(store, batch)
                batch.clear()
        await keep(store, batch)
    append_run(folder, msgspec.to_builtins({"options": plan.options, "endpoints": plan.pool}))


async def keep(store: Store, batch: list[Episode]) -> None:
    """All at once, so that they share their fsyncs."""
    async with anyio.create_task_group() as tasks:
        for made in batch:
            tasks.start_soon(store.episode, made)


def report(folder: Path, out: Path) -> None:
    """Every format of the report, and its tables on a screen."""
    from rich.console import Console  # noqa: PLC0415  each import is part of the time

    from stormproof.report import write_report  # noqa: PLC0415

    write_report(folder, out=out, show=Console(file=io.StringIO()).print)


def check(folder: Path, out: Path) -> None:  # noqa: ARG001  it writes nothing
    """Every cell against a minimum, and every model against a baseline: itself."""
    from stormproof.demands import Demands, check, parse_minimum  # noqa: PLC0415

    minimums = (parse_minimum("success>=0.1"),)
    check(folder, Demands(minimums, max_infra=0.05, max_unread=0.02, by="cell"))
    check(folder, Demands(minimums, baseline=folder, max_infra=0.05))


def export_jsonl(folder: Path, out: Path) -> None:
    """One JSON object an episode."""
    from stormproof.export import write_jsonl  # noqa: PLC0415

    write_jsonl(folder, out / "episodes.jsonl")


def export_csv(folder: Path, out: Path) -> None:
    """One record an episode."""
    from stormproof.export import write_csv  # noqa: PLC0415

    write_csv(folder, out / "episodes.csv")


def export_inspect(folder: Path, out: Path) -> None:
    """A log a cell, each episode with what was said."""
    from stormproof.export import write_inspect_logs  # noqa: PLC0415

    write_inspect_logs(folder, out / "inspect")


COMMANDS: Mapping[str, Callable[[Path, Path], None]] = {
    "report": report,
    "check": check,
    "export_jsonl": export_jsonl,
    "export_csv": export_csv,
    "export_inspect": export_inspect,
}


def measure(name: str, folder: Path, out: Path) -> None:
    """In a process of its own: do it, print the figures."""
    from stormproof.store import episode_table  # noqa: PLC0415

    begun = time.perf_counter()
    rows = episode_table(folder).num_rows
    reading = time.perf_counter() - begun
    begun, spent = time.perf_counter(), time.process_time()
    COMMANDS[name](folder, out)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MB
    ratios = {"ratio": round(seconds / reading, 1), "cpu_seconds": round(cpu, 2)}
    for figure, value, more in (("seconds", seconds, ratios), ("peak_mb", peak, {})):
        line = {"figure": f"{name}.{figure}", "episodes": rows, "value": round(value, 2)}
        print(json.dumps(line | more), flush=True)


def main() -> None:
    """Make the folder if it is not there, and measure each command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", choices=COMMANDS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.folder, options.out)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "results"
        if not folder.exists():
            anyio.run(fill, folder, plan_of(options.episodes))
        for name in COMMANDS:
            if name != "export_inspect" or find_spec("inspect_ai"):
                command = [sys.executable, __file__, "--measure", name, "--folder", str(folder)]
                subprocess.run([*command, "--out", str(Path(temporary) / name)], check=True)


if __name__ == "__main__":
    main()
