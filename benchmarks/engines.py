"""Throughput of real inference servers: adaptive beside 1, 2, 4, 8 and 16 requests in flight.

    python benchmarks/engines.py                          llama.cpp with 4 slots, then transformers
    python benchmarks/engines.py --engines llama.cpp --slots 2 --seconds 30 --rounds 3

Each gets single calls without end, in turns of `--seconds`; adaptive begins each of its turns
knowing nothing. All calls ask the same, so a server with a prompt cache spends its time on the
answers, where slots share the work as they do on a GPU. `of_best` is the share of what the best
fixed number got in the same round, `settled_of_best` the same from a third of the turn on.
`latency_ms` is the mean, by Little's law; `late_ms` how late timers were (see `live.drive_for`).

transformers is no dependency of ours. Install it anywhere and name its command:

    python -m venv /tmp/serving && /tmp/serving/bin/pip install torch 'transformers[serving]'
    STORMPROOF_TRANSFORMERS=/tmp/serving/bin/transformers python benchmarks/engines.py
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

import uvloop

from inference_servers import InferenceServer, LlamaCpp, TransformersServe
from live import MODEL, Work, drive_for, median, say
from stormproof.domain.calls import Message, Request
from stormproof.domain.pool import Endpoint, Limits, RateMode
from stormproof.pool import Dispatcher
from stormproof.wire import HttpTransport
from tiny_model import write_folder, write_gguf

TRANSFORMERS = os.environ.get("STORMPROOF_TRANSFORMERS") or shutil.which("transformers")
FIXED = (1, 2, 4, 8, 16)
ADAPTIVE = 0  # in the place of a fixed number
INNER = 16_384  # of llama.cpp's model: 25 MB to read for each token
KEYS = {"env:BENCH": "sk-bench"}
TIMEOUT_S = 60.0


@dataclass
class Turn:
    """One way to drive a server for some seconds. Figures are of all of them, or `settled`."""

    seconds: float
    late_s: float = 0.0
    in_flight: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    looked_at: list[float] = field(default_factory=list)

    def look(self, dispatcher: Dispatcher, work: Work) -> None:
        """Sample."""
        self.looked_at.append(monotonic())
        self.answered.append(work.answered)
        self.in_flight.append(dispatcher.snapshot()[0].in_flight)

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.answered[-1] / self.seconds

    @property
    def settled(self) -> float:
        """Calls per second from a third of the time on."""
        first = len(self.looked_at) // 3
        elapsed_s = self.looked_at[-1] - self.looked_at[first]
        return (self.answered[-1] - self.answered[first]) / elapsed_s

    @property
    def latency_ms(self) -> float:
        """Mean in flight over rate."""
        return 1000 * statistics.mean(self.in_flight) / max(self.rate, 1 / self.seconds)


async def drive(server: InferenceServer, workers: int, seconds: float) -> Turn:
    """So many workers, or as many as adaptive finds, until the time is over."""
    limits = Limits(max_workers=workers or None)
    endpoint = Endpoint(
        "engine", 0, MODEL, "bench", "openai", server.base_url, server.model, "env:BENCH",
        limits=limits,
    )  # fmt: skip
    turn, work = Turn(seconds), Work()
    async with HttpTransport(KEYS) as transport:
        mode: RateMode = "fixed" if workers else "adaptive"
        dispatcher = Dispatcher([endpoint], transport, rate_mode=mode)

        async def look() -> None:
            turn.look(dispatcher, work)

        turn.late_s = await drive_for(seconds, dispatcher, work, look)
        last = Request("last", 0, MODEL, (Message("user", "Are you done?"),), max_tokens=1)
        await transport.send(endpoint, last, timeout_s=TIMEOUT_S)  # it may finish what was hung up
    return turn


def measure(name: str, server: InferenceServer, seconds: float, rounds: int) -> None:
    """Print a line for each way to drive the server; medians over the rounds."""
    found: dict[int, list[Turn]] = {workers: [] for workers in (ADAPTIVE, *FIXED)}
    with server:
        uvloop.run(drive(server, 1, 1.0))  # what it loads late
        for _ in range(rounds):
            for workers, turns in found.items():
                turns.append(uvloop.run(drive(server, workers, seconds)))
    best = [max(found[n][at].rate for n in FIXED) for at in range(rounds)]
    settled = [max(found[n][at].settled for n in FIXED) for at in range(rounds)]
    for workers, turns in found.items():
        say(
            "engines",
            engine=name,
            in_flight=workers or "adaptive",
            calls_per_s=median([turn.rate for turn in turns], 1),
            of_best=median([t.rate / b for t, b in zip(turns, best, strict=True)]),
            settled_of_best=median([t.settled / b for t, b in zip(turns, settled, strict=True)]),
            mean_in_flight=median([statistics.mean(turn.in_flight) for turn in turns], 1),
            latency_ms=median([turn.latency_ms for turn in turns], 0),
            late_ms=median([1000 * turn.late_s for turn in turns], 0),
            seconds=seconds,
            median_of=rounds,
        )


def llama_cpp(folder: Path, slots: int) -> InferenceServer:
    """With a model that costs something to run."""
    write_gguf(folder / "tiny.gguf", inner=INNER)
    return LlamaCpp(folder / "tiny.gguf", slots=slots)


def transformers(folder: Path) -> InferenceServer | None:
    """Where it is installed."""
    if TRANSFORMERS is None:
        print("transformers serve is left out: see the head of this file", file=sys.stderr)
        return None
    write_folder(folder / "tiny")
    return TransformersServe(TRANSFORMERS, folder / "tiny")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", default="llama.cpp,transformers")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args(arguments)
    makers: dict[str, Callable[[Path], InferenceServer | None]] = {
        "llama.cpp": partial(llama_cpp, slots=given.slots),
        "transformers": transformers,
    }
    for name in given.engines.split(","):
        with tempfile.TemporaryDirectory() as folder:
            server = makers[name](Path(folder))
            if server is not None:
                measure(name, server, given.seconds, given.rounds)


if __name__ == "__main__":
    main()
