"""Other people's clients and ours on the same trivial work and server: one JSON line per figure.

    python benchmarks/peers.py [--repeats 3] [--skip inspect_ai]

Each peer lives in a venv of its own in the user's cache folder, which this script makes and
fills once; a peer that cannot be installed is skipped, and said so. Each runs in a process of
its own, ours too; start-up and a warm-up are not counted. Three kinds of work, each a fixed
number of single calls until all are answered: `cpu` (no limit: CPU per call), `cap` and `rate`
(one endpoint of unknown limit: share of what it would take), `pool` (60, 30 and 10 requests/s).
Ratios are to ours in the same repeat. Ours here is the dispatcher and the transport alone, since
a single call is no episode; `stormproof run`, with its tools, scores and journal, is measured by
overhead.py and doubles the CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop

from live import Ground, Work, ground, median, say
from peer_clients import Clock
from stormproof.domain.pool import Endpoint
from stormproof.emulator import Latency, Rule
from stormproof.pool import Dispatcher
from stormproof.wire import HttpTransport

PEERS = {"inspect_ai": ("inspect_ai", "openai"), "litellm": ("litellm",), "openai": ("openai",)}
CLIENTS = Path(__file__).with_name("peer_clients.py")
TIMEOUT_S = 180.0
RATES = (60.0, 30.0, 10.0)
WORK_S = 12.0  # at full capacity
Figures = dict[str, Any]


def latency(median_s: float, sigma: float = 0.2) -> Latency:
    """Without regard to length."""
    return Latency(median_s, 0.0, sigma, refusal_s=0.05)


@dataclass(frozen=True)
class Kind:
    """A kind of work: how the endpoints behave, what they can take, and who does it how."""

    name: str
    rules: tuple[Rule, ...]
    calls: int
    best_s: float  # the lower bound of its makespan; 0 where nothing limits it
    runners: tuple[tuple[str, str, int], ...]  # shown as, peer, at once


def kinds() -> list[Kind]:
    """The four of them."""
    cap, cap_latency_s = 40, 1.0
    one_rate = 40.0
    pool = [
        Rule(str(n), qps=qps, burst_s=1.0, rate_headers=False, latency=latency(0.2))
        for n, qps in enumerate(RATES)
    ]
    alone = (
        ("stormproof", "stormproof", 0),
        ("inspect_ai adaptive", "inspect_ai", 0),
        ("openai × 10", "openai", 10),
        ("openai × 100", "openai", 100),
    )
    return [
        Kind(
            "cpu",
            (Rule("0", rate_headers=False, latency=latency(0.25, 0.0)),),
            1000,
            0.0,
            (
                ("stormproof", "stormproof", 0),
                ("openai", "openai", 50),
                ("litellm", "litellm", 50),
                ("inspect_ai", "inspect_ai", 0),
            ),
        ),
        Kind(
            "cap",
            (Rule("0", max_workers=cap, rate_headers=False, latency=latency(cap_latency_s)),),
            int(cap / cap_latency_s * WORK_S),
            WORK_S + cap_latency_s,
            alone,
        ),
        Kind(
            "rate",
            (Rule("0", qps=one_rate, burst_s=1.0, rate_headers=False, latency=latency(0.5)),),
            int(one_rate * WORK_S),
            WORK_S - 1.0 + 0.5,
            alone,
        ),
        Kind(
            "pool",
            tuple(pool),
            int(sum(RATES) * WORK_S),
            WORK_S - 1.0 + 0.2,
            (
                ("stormproof", "stormproof", 0),
                ("litellm", "litellm", 60),
                ("litellm told the limits", "litellm", 60),
            ),
        ),
    ]


def python_of(peer: str) -> Path:
    """The interpreter of the peer's venv, made where there is none: they want different openais."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "stormproof" / "peers" / peer
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    return python


def installed(peer: str) -> bool:
    """Whether the peer is there, or could be installed."""
    python = str(python_of(peer))
    there = [python, "-c", f"from importlib.metadata import version; version({peer!r})"]
    if subprocess.run(there, capture_output=True, check=False).returncode == 0:
        return True
    install = [python, "-m", "pip", "install", "--quiet", *PEERS[peer]]
    done = subprocess.run(install, capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode().strip().rpartition("\n")[2]
        say("peers", peer=peer, skipped=f"cannot be installed: {last}")
    return done.returncode == 0


async def child(command: Sequence[str], work: Figures) -> Figures:
    """Have a process do the work; `failed` says why it did not."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(
            process.communicate(json.dumps(work).encode()), timeout=TIMEOUT_S
        )
    except TimeoutError:
        process.kill()
        await process.wait()
        return {"failed": f"not done within {TIMEOUT_S:.0f} s"}
    if process.returncode:
        return {"failed": errors.decode(errors="replace").strip().rpartition("\n")[2]}
    found: Figures = json.loads(out.decode().strip().rpartition("\n")[2])
    return found


async def done_by(shown: str, peer: str, at_once: int, kind: Kind) -> Figures:
    """One runner's work on a server of its own."""
    async with ground(kind.rules) as place:
        command = (
            [sys.executable, __file__, "--work"]
            if peer == "stormproof"
            else [str(python_of(peer)), str(CLIENTS), peer]
        )
        work = work_for(place, kind, at_once, told="told" in shown)
        before = await tallies(place)
        figures = await child(command, work)
        after = await tallies(place)
    if "failed" in figures:
        return {"runner": shown} | figures
    refused = after["refused"] - before["refused"]
    return {
        "runner": shown,
        "version": figures["version"],
        "calls_per_s": figures["calls"] / figures["wall_s"],
        "cpu_ms_per_call": 1000 * figures["cpu_s"] / max(1, figures["calls"]),
        "share_of_capacity": kind.best_s / figures["wall_s"],
        "refused": refused / (after["answered"] - before["answered"] + refused),
    }


def work_for(place: Ground, kind: Kind, at_once: int, *, told: bool) -> Figures:
    """What a child is told."""
    (key,) = place.keys.values()
    return {
        "url": f"{place.endpoints[0].base_url}/v1",
        "base": place.endpoints[0].base_url,
        "key": key,
        "deployments": [endpoint.deployment for endpoint in place.endpoints],
        "rpm": [int(rate * 60) for rate in RATES] if told else [],
        "calls": kind.calls,
        "at_once": at_once,
        "warm_up": 1,
    }


async def tallies(place: Ground) -> dict[str, int]:
    """Answers and refusals at the server until now."""
    seen = (await place.stats())["endpoints"].values()
    return {
        "answered": sum(t["answered"] for t in seen),
        "refused": sum(sum(t["refused"].values()) for t in seen),
    }


async def ours(work: Figures) -> Figures:
    """The same work by dispatcher and transport."""
    pool = [
        Endpoint(str(n), n, "model", "bench", "openai", work["base"], name, "env:BENCH")
        for n, name in enumerate(work["deployments"])
    ]
    async with HttpTransport({"env:BENCH": work["key"]}) as transport:
        await Dispatcher(pool, transport).run(Work(work["warm_up"]))
        clock, jobs = Clock(), Work(work["calls"])
        await Dispatcher(pool, transport).run(jobs)
        return clock.read() | {"calls": jobs.answered, "version": version("stormproof")}


def measure(kind: Kind, repeats: int, peers: Sequence[str]) -> None:
    """A line per runner and repeat, and one of medians and ratios per runner."""
    found: dict[str, list[Figures]] = {}
    for repeat in range(repeats):
        us: Figures = {}
        for shown, peer, at_once in kind.runners:
            if peer not in peers:
                continue
            figures = uvloop.run(done_by(shown, peer, at_once, kind))
            us = us or figures  # ours runs first
            if "failed" in figures or "failed" in us:
                say("peers", work=kind.name, repeat=repeat, **figures)
                continue
            if not kind.best_s:
                del figures["share_of_capacity"]
            figures["cpu_of_ours"] = figures["cpu_ms_per_call"] / us["cpu_ms_per_call"]
            figures["rate_of_ours"] = figures["calls_per_s"] / us["calls_per_s"]
            found.setdefault(shown, []).append(figures)
            say("peers", work=kind.name, repeat=repeat, **rounded(figures))
    for rows in found.values():
        figures = {
            name: median([row[name] for row in rows]) if isinstance(value, float) else value
            for name, value in rows[0].items()
        }
        say("peers", work=kind.name, median_of=len(rows), **figures)


def rounded(figures: Figures) -> Figures:
    """To three digits."""
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}


def main() -> None:
    """Install, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kinds", default=",".join(kind.name for kind in kinds()))
    parser.add_argument("--skip", action="append", default=[], choices=PEERS)
    parser.add_argument("--work", action="store_true", help="do the work of stdin, as a peer does")
    given = parser.parse_args()
    if given.work:
        print(json.dumps(uvloop.run(ours(json.load(sys.stdin)))))
        return
    peers = ["stormproof", *(p for p in PEERS if p not in given.skip and installed(p))]
    for kind in kinds():
        if kind.name in given.kinds.split(","):
            measure(kind, given.repeats, peers)


if __name__ == "__main__":
    main()
