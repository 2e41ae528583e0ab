"""The parts of torture.py that are about the disk: kills of a writer, faults, mounts, many trials.

The faults come from `failing_disk.c`, built with the C compiler that is there; without one, that
part says so in its figures.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio

from proving_ground import STORMPROOF, ProvingGround
from stormproof.store import Header, open_store, read_episodes, same_records
from stormproof.testing.records import a_trial, a_turn, an_episode

Figures = dict[str, float | int]
HEADER = Header(suite="1", seed=0)
SHIM = Path(__file__).with_name("failing_disk.c")
EXIT_STORE = 3
WORDS = ("--prompt-types", "optimal", "--num-instances", "2")
USUAL = {"seed": 1, "time_scale": 0.2}

WRITER = dedent("""
    import sys
    import anyio
    from stormproof.store import Header, open_store
    from stormproof.testing.records import a_trial, a_turn, an_episode

    async def work():
        async with open_store(sys.argv[1], Header(suite="1", seed=0), seal_at=50) as store:
            finished = store.take_finished()
            async def keep_on(first):
                for number in range(first, 10_000_000, 20):
                    trial, turns = a_trial(number), [a_turn(0), a_turn(1)]
                    if trial.trial_id in finished:
                        continue
                    for turn in turns[len(store.journalled(trial.trial_id)):]:
                        await store.turn(trial.trial_id, turn)
                    await store.episode(an_episode(trial, turns))
                    print(trial.trial_id, flush=True)
            async with anyio.create_task_group() as tasks:
                for first in range(20):
                    tasks.start_soon(keep_on, first)
    anyio.run(work)
""")


def writers(folder: Path, count: int, rng: random.Random) -> Figures:
    """SIGKILL a process that does nothing but write and seal, `count` times.

    What it had called durable must be there, once, after every kill.
    """
    acknowledged: set[str] = set()
    lost = doubled = 0
    for _ in range(count):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None  # noqa: S101  for the type checker: it is a pipe
        first = process.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.4))
        process.kill()
        said = first + process.communicate()[0]
        acknowledged |= {line for line in said.splitlines(keepends=True) if line.endswith("\n")}
        found = [episode.trial.trial_id for episode in read_episodes(folder)]
        lost += len({line.strip() for line in acknowledged} - set(found))
        doubled += len(found) - len(set(found))
    return {"writer_kills": count, "episodes": len(acknowledged), "lost": lost, "doubled": doubled}


def disk(folder: Path, rounds: int, rng: random.Random) -> Figures:
    """A disk that fails under a run, by LD_PRELOAD: fsync errors, short writes, full and free.

    A run that cannot write ends with exit code 3 and its reason; the same command on a sound disk
    goes on, and pays for no call again whose turn stands in the journal that it finds.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return {"faults_without_a_c_compiler": 0}
    folder.mkdir(parents=True)
    shim = folder / "failing_disk.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"]
    subprocess.run(command, check=True)
    figures: Figures = {
        "runs on a failing disk": 0, "ended with their reason": 0, "turns journalled by them": 0,
        "journalled calls repeated": 0, "changed": 0,
    }  # fmt: skip
    with ProvingGround(folder / "ground", USUAL) as ground:
        _require(ground.finish("calm", *WORDS) == 0, "the undisturbed run failed")
        for number in range(rounds):
            for fault in ("fsync", "short", "full"):
                name = f"{fault}-{number}"
                failing = {"LD_PRELOAD": str(shim), "FAULT": fault,
                           "AFTER": str(rng.randrange(60))}  # fmt: skip
                code = ground.start(name, *WORDS, environ=failing).wait(300)
                said = (ground.folder / f"{name}.log").read_text()
                wanted = 0 if fault == "short" else EXIT_STORE
                _require(code == wanted, f"{name} ended with {code}:\n{said[-2000:]}")
                _require("Traceback" not in said, f"{name} shows a traceback")
                figures["runs on a failing disk"] += 1
                figures["ended with their reason"] += code == EXIT_STORE
                paid, before = set(ground.journalled(name)), ground.stats()["repeats"]
                _require(ground.finish(name, *WORDS) == 0, f"{name} does not go on")
                after = ground.stats()["repeats"]
                figures["turns journalled by them"] += len(paid)
                figures["journalled calls repeated"] += sum(
                    after.get(turn, 1) - before.get(turn, 1) for turn in paid
                )
                figures["changed"] += len(
                    same_records(ground.folder / "calm", ground.folder / name)
                )
    return figures


def mount(folder: Path) -> Figures:
    """A results folder on a mount that turned read-only: a run ends in words, readers read."""
    with ProvingGround(folder, USUAL) as ground:
        _require(ground.finish("r", *WORDS) == 0, "the undisturbed run failed")
        inside = "mount --bind r r && mount -o remount,ro,bind r"
        read_only = ("unshare", "-m", "sh", "-c", f'{inside} && exec "$@"', "sh")

        def on_it(*words: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [*read_only, *words],
                cwd=ground.folder,
                env=os.environ | ground.keys,
                capture_output=True,
                check=False,
            )

        if on_it("true").returncode:
            return {"read_only_mounts_that_this_machine_allows": 0}
        codes = [
            on_it(*STORMPROOF, "run", "--pool", str(ground.pool), "--results", "r", *WORDS),
            on_it(*STORMPROOF, "status", "r"),
            on_it(*STORMPROOF, "audit", "r"),
        ]
        _require(not any(b"Traceback" in done.stderr for done in codes), "it shows a traceback")
        run, *readers = [done.returncode for done in codes]
    return {
        "exit_code_of_a_run": run,
        "readers": len(readers),
        "readers_that_read": readers.count(0),
    }


def many(folder: Path, trials: int) -> Figures:
    """A folder of very many finished trials: how long it takes to open, in how much memory."""
    start = time.monotonic()
    anyio.run(_fill, folder, trials)
    filled_s = time.monotonic() - start
    script = (
        "import sys, anyio\nfrom stormproof.store import Header, open_store\n"
        "async def look():\n"
        '    async with open_store(sys.argv[1], Header(suite="1", seed=0)) as store:\n'
        "        print(len(store.take_finished()))\n"
        "anyio.run(look)\n"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], check=True, capture_output=True
    )
    opened_s = time.monotonic() - start
    _require(int(done.stdout) == trials, "some are not finished")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    return {"trials": trials, "written_in_s": round(filled_s, 1), "opened_in_s": round(opened_s, 1),
            "mb_peak_of_all_so_far": peak_mb}  # fmt: skip


async def _fill(folder: Path, trials: int) -> None:
    turns = [a_turn(0)]

    async def store_some(store: Any, first: int) -> None:
        for number in range(first, trials, 200):
            await store.episode(an_episode(a_trial(number), turns))

    async with open_store(folder, HEADER) as store, anyio.create_task_group() as tasks:
        for first in range(200):
            tasks.start_soon(store_some, store, first)


def _require(condition: bool, what: str) -> None:  # noqa: FBT001  the claim itself
    if not condition:
        raise SystemExit(f"torture: {what}")
