"""Kills, faults and endurance on real processes and real HTTP; writes docs/reliability.md.

    python benchmarks/torture.py                 all of it, about two hours
    python benchmarks/torture.py --short         a few kills and one faulty run, about a minute
    python benchmarks/torture.py --only kills    one part or several, of PARTS below
    python benchmarks/torture.py --page FILE …   the page again, from lines printed before; what
                                                 they lack stays as it is, with its own commit

Prints one JSON line per figure. A job against the emulator is run undisturbed first; whatever is
then done to it, its records must be the same in all but timings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from inspect import cleandoc
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "property"))
from hostile_tools import hostile_calls

from hostile_torture import hostile
from proving_ground import ProvingGround, kill
from soak import soak
from storage_torture import disk, many, mount, writers
from stormproof.cli.user_errors import EXIT_INTERRUPTED
from stormproof.pool.bounds import Bounds
from stormproof.store import episode_table, read_episodes, same_records

DOCS = Path(__file__).parents[1] / "docs" / "reliability.md"
TESTS = Path(__file__).parents[1] / "tests"
Figures = dict[str, Any]  # numbers, and the commit that a part ran on
EARLY = 0.2  # share of kills while the process still starts; the others hit it at work

# Faults at once: shares of requests, and what befalls single endpoints while the run is under way.
FAULTS: dict[str, float] = {
    "500": 0.025, "503": 0.025, "reset": 0.03, "hang": 0.02, "truncated": 0.005, "nonjson": 0.005,
    "error_object": 0.005, "drip": 0.002, "huge": 0.001,
}  # fmt: skip
TROUBLE: list[dict[str, Any]] = [
    {"match": "*", "faults": FAULTS},
    {"match": "alpha", "retry_after": "0"},
    {"match": "alpha-2", "retry_after": "864000", "outages": [{"from_s": 5, "to_s": 65}]},
    {"match": "alpha-3", "retry_after": "garbage", "gone_at_s": 12},
    {"match": "beta@one", "retry_after": "absent", "revoked_at_s": 10},
    {"match": "beta@two", "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT",
     "faults": FAULTS | {"empty": 0.1}},
]  # fmt: skip


def kills(folder: Path, count: int, rng: random.Random) -> Figures:
    """SIGKILL the run `count` times at random moments, resuming each time."""
    words = ("--prompt-types", "optimal,cot", "--num-instances", str(max(3, count)))
    options = {"seed": 1, "time_scale": 0.2}
    with ProvingGround(folder / "calm", options, workers=3) as calm:
        _require(calm.finish("a", *words) == 0, "the undisturbed run failed")
    with ProvingGround(folder / "kills", options, workers=3) as ground:
        done = repeated = 0
        paid: dict[str, int] = {}
        while done < count:
            process = ground.start("b", *words)
            if rng.random() < EARLY:
                time.sleep(rng.uniform(0.0, 2.0))
            else:
                ground.await_turns("b", process)
                time.sleep(rng.uniform(0.0, 1.5))
            if process.poll() is not None:
                break
            kill(process)
            done += 1
            repeats = ground.stats()["repeats"]
            for turn in ground.journalled("b"):
                paid.setdefault(turn, repeats.get(turn, 1))
        _require(ground.finish("b", *words) == 0, "the last resume failed")
        repeats = ground.stats()["repeats"]
        repeated = sum(repeats.get(turn, 1) - before for turn, before in paid.items())
    return {"kills": done, "turns_journalled_before_a_kill": len(paid),
            "journalled_calls_repeated": repeated,
            **_compared(folder / "calm" / "a", folder / "kills" / "b")}  # fmt: skip


def emulator_kills(folder: Path, count: int, rng: random.Random) -> Figures:
    """SIGKILL the provider `count` times while a run goes on; it comes back after a moment."""
    words = ("--prompt-types", "optimal", "--num-instances", str(max(3, 2 * count)))
    options = {"seed": 1, "time_scale": 0.2}
    with ProvingGround(folder / "calm", options, workers=3) as calm:
        _require(calm.finish("a", *words) == 0, "the undisturbed run failed")
    done = 0
    with ProvingGround(folder / "kills", options, workers=3) as ground:
        process = ground.start("b", *words)
        while done < count:
            time.sleep(rng.uniform(1.0, 4.0))
            if process.poll() is not None:
                break
            ground.kill_emulator()
            done += 1
            time.sleep(rng.uniform(0.0, 1.5))
            ground.start_emulator()
        process.wait(900)
        _require(ground.finish("b", *words) == 0, "trials are left without a score")
    return {
        "provider_kills": done,
        **_compared(folder / "calm" / "a", folder / "kills" / "b"),
    }


def faults(folder: Path, instances: int) -> Figures:
    """One run under all faults at once, against the same without any."""
    words = ("--prompt-types", "optimal", "--num-instances", str(instances))
    with ProvingGround(folder / "calm", {"seed": 1, "time_scale": 0.2}) as calm:
        _require(calm.finish("a", *words) == 0, "the undisturbed run failed")
    options = {"seed": 1, "time_scale": 0.2, "rules": TROUBLE}
    with ProvingGround(folder / "faulty", options) as ground:
        start = time.monotonic()
        code = ground.finish("b", *words)
        elapsed = time.monotonic() - start
        endpoints = ground.stats()["endpoints"]
    injected: dict[str, int] = {}
    for endpoint in endpoints.values():
        for kind, n in {**endpoint["refused"], **endpoint["faults"]}.items():
            injected[f"injected {kind}"] = injected.get(f"injected {kind}", 0) + n
    return {"exit_code": code, "elapsed_s": round(elapsed, 1),
            "longest_stall_s": _longest_stall(folder / "faulty" / "b"), **injected,
            **_compared(folder / "calm" / "a", folder / "faulty" / "b")}  # fmt: skip


def stops(folder: Path) -> Figures:
    """SIGINT, SIGTERM and SIGHUP to runs whose endpoints have all fallen silent midway.

    Requests in flight are awaited for the grace that is stated; then the run ends, and goes on
    where it was once the endpoints answer again.
    """
    signal.signal(signal.SIGHUP, lambda *_: None)  # runs would inherit the deafness of nohup
    words = ("--prompt-types", "optimal", "--num-instances", "4")
    usual = {"seed": 1, "time_scale": 0.2}
    with ProvingGround(folder / "calm", usual) as calm:
        _require(calm.finish("a", *words) == 0, "the undisturbed run failed")
    silent = usual | {"rules": [{"match": "*", "faults": {"hang": 0.3}}]}
    took, found = [], []
    with ProvingGround(folder / "hung", silent) as ground:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = ground.start(sign.name, *words)
            ground.await_turns(sign.name, process, more=5)
            time.sleep(3)  # by now every slot waits for an answer that does not come
            start = time.monotonic()
            process.send_signal(sign)
            _require(process.wait(60) == EXIT_INTERRUPTED, "the run did not end as interrupted")
            took.append(time.monotonic() - start)
        ground.kill_emulator()
        ground.options.write_text(json.dumps({"emulator": usual}))
        ground.start_emulator()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            _require(ground.finish(name, *words) == 0, "the resume failed")
            found.append(_compared(folder / "calm" / "a", folder / "hung" / name))
    return {"signals": len(took), "stated_grace_s": Bounds().drain_grace_s,
            "first_ended_after_s": round(min(took), 1), "last_ended_after_s": round(max(took), 1),
            **{key: sum(each[key] for each in found) for key in found[0]}}  # fmt: skip


def fuzz(folder: Path, times: int) -> Figures:
    """Hostile pool files, settings, flags, recordings, results folders, replies, model texts.

    One traceback, hang or unfit exit code, and this page is not written.
    """
    files = sorted((TESTS / "property").glob("test_fuzz_*.py"))
    text = _tested(folder, "--hypothesis-show-statistics", *map(str, files), FUZZ=str(times))
    return {"inputs": sum(int(n) for n in re.findall(r"(\d+) passing", text))}


def cuts(folder: Path, marked: str) -> Figures:
    """A journal cut, and changed, at every byte of its last 4,096; `make test` takes a seventh.

    One that is not recovered, or not told of, and this page is not written.
    """
    _tested(folder, "-m", marked, str(TESTS / "crash" / "test_journal_cuts.py"))
    return {"cuts": 4096, "changed_bytes": 4096}


def _tested(folder: Path, *words: str, **environ: str) -> str:
    """What tests print that pass."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "--timeout=0", *words],
        cwd=TESTS.parent, env=os.environ | environ | {"TMPDIR": str(folder)},
        capture_output=True, check=False,
    )  # fmt: skip
    text = done.stdout.decode()
    _require(done.returncode == 0, f"an input got the better of it:\n{text[-2000:]}")
    return text


def tools(_: Path, calls: int) -> Figures:
    """Tool calls that a hostile model might write, and goal checks on what they leave.

    One that raises, or takes more than its bounds, and this page is not written.
    """
    return {**hostile_calls(calls)}


def _compared(calm: Path, disturbed: Path) -> Figures:
    """Lost, doubled and changed records of a disturbed job."""
    ids = episode_table(disturbed)["trial_id"].to_pylist()
    wanted = episode_table(calm)["trial_id"].to_pylist()
    return {"episodes": len(wanted), "lost": len(set(wanted) - set(ids)),
            "doubled": len(ids) - len(set(ids)),
            "changed": len(same_records(calm, disturbed))}  # fmt: skip


def _longest_stall(folder: Path) -> float:
    """Seconds between two answers, whichever endpoint gave them."""
    at = sorted(turn.answer.at for episode in read_episodes(folder) for turn in episode.turns)
    return round(max((b - a for a, b in pairwise(at)), default=0.0), 1)


def _commit() -> str:
    """What is checked out, and whether anything differs from it."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(words, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not from a checkout"


def _require(condition: bool, what: str) -> None:  # noqa: FBT001  the claim itself
    if not condition:
        raise SystemExit(f"torture: {what}")


INTRODUCTION = """\
# Reliability

Measured by `make torture`, which writes this page: real processes, SIGKILL, real HTTP against the
emulator. A job is run undisturbed, then under each trouble; *changed* counts records that differ
in anything but timings. The load average is that of the last five minutes, on two cores: beyond 2
the machine was busy with other things, and times say so.

Beside it, `make test` proves on real processes: signals and closed terminals drain and resume
(`tests/crash/test_signals.py`, `tests/unit/cli/test_run.py`), full disks, vanished folders and
jumping clocks (`test_full_disk.py`), journals cut at every seventh byte (`test_journal_cuts.py`),
denied, refused and dead endpoints (`test_faulty_endpoints.py`), and that no key is left anywhere
(`test_secrets.py`).
"""


def _page(figures: dict[str, Figures]) -> str:
    parts = [_section(n, figures[n]) if n in figures else _standing(n) for n in PARTS]
    return "\n".join([INTRODUCTION, *filter(None, parts)])


def _section(name: str, found: Figures) -> str:
    lines = [_heading(name), "", cleandoc(PARTS[name].__doc__ or ""), ""]
    lines += ["| figure | value |", "|---|---|"]
    lines += [f"| {key.replace('_', ' ')} | {_cell(value)} |" for key, value in found.items()]
    return "\n".join([*lines, ""])


def _standing(name: str) -> str:
    """The section as it is on the page; "" where it has none."""
    _, heading, rest = DOCS.read_text(encoding="utf-8").partition(_heading(name) + "\n")
    return heading + rest.partition("\n## ")[0]


def _heading(name: str) -> str:
    return f"## {name.capitalize()}"


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _printed(files: Sequence[Path]) -> dict[str, Figures]:
    """Figures of parts that ran one by one."""
    found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return {figures.pop("torture"): figures for figures in found}


PARTS: dict[str, Callable[..., Figures]] = {
    "kills": kills,
    "provider": emulator_kills,
    "faults": faults,
    "stops": stops,
    "hostile": hostile,
    "writers": writers,
    "disk": disk,
    "mount": mount,
    "many": many,
    "soak": soak,
    "fuzz": fuzz,
    "cuts": cuts,
    "tools": tools,
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=PARTS, nargs="*", default=list(PARTS))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, nargs="+", help="write it from lines printed before")
    given = parser.parse_args()
    if given.page:
        DOCS.write_text(_page(_printed(given.page)))
        return
    rng = random.Random(given.seed)
    count = 3 if given.short else given.kills
    plans: dict[str, tuple[Any, ...]] = {
        "kills": (count, rng),
        "provider": (2 if given.short else 20, rng),
        "faults": (2 if given.short else 60,),
        "stops": (),
        "hostile": (0.1 if given.short else 10,),
        "writers": (5 if given.short else 430, rng),
        "disk": (1 if given.short else 15, rng),
        "mount": (),
        "many": (5_000 if given.short else 200_000,),
        "soak": (0.2 if given.short else given.minutes,),
        "fuzz": (1 if given.short else 40,),
        "cuts": ("not slow" if given.short else "slow",),
        "tools": (5_000 if given.short else 1_000_000,),
    }
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="stormproof-torture-") as folder:
        for name in given.only:
            began = time.monotonic()
            figures[name] = {"commit": _commit(), **PARTS[name](Path(folder) / name, *plans[name])}
            figures[name]["took_minutes"] = round((time.monotonic() - began) / 60, 1)
            figures[name]["load_average"] = round(os.getloadavg()[1], 1)
            print(json.dumps({"torture": name, **figures[name]}), flush=True)
    if not given.short and set(given.only) == set(PARTS):
        DOCS.write_text(_page(figures))


if __name__ == "__main__":
    main()
