"""Pools on real HTTP for the benchmarks: an emulator of its own process, and work without end."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio

from stormproof.domain.calls import Message, Request
from stormproof.domain.pool import Endpoint
from stormproof.emulator import Emulation, emulated, emulator_process
from stormproof.emulator.behaviour import EmulatorOptions, Rule
from stormproof.errors import CallError
from stormproof.pool import Ask, Dispatcher, Job
from stormproof.wire import HttpTransport

MODEL = "model"
LOOK_S = 0.05
Stats = dict[str, Any]
Prompt = Callable[[], str]


def endpoints(count: int) -> tuple[Endpoint, ...]:
    """So many endpoints of one model at one provider, each with a deployment of its own."""
    return tuple(
        Endpoint(str(n), n, MODEL, "bench", "openai", "http://bench", f"d{n}", "env:BENCH")
        for n in range(count)
    )


class Work:
    """Single-call jobs: `count` of them, or as many as are taken. Counts what was answered."""

    def __init__(self, count: int | None = None, prompt: Prompt = lambda: "Say yes.") -> None:
        self.over = False  # nothing more is given out
        self.taken = 0
        self.answered = 0
        self.failed = 0
        self._count = count
        self._shares: dict[int, int] | None = None
        self._prompt = prompt

    def share(self, among: int) -> None:
        """Give each of so many shards its equal part beforehand."""
        assert self._count is not None  # noqa: S101  endless work has no parts
        each, rest = divmod(self._count, among)
        self._shares = {n: each + (n < rest) for n in range(among)}

    def take(self, model: str, shard: int | None) -> Job | None:
        """See `Supply.take`."""
        del model
        if self.over:
            return None
        if self._shares is not None and shard is not None:
            if not self._shares[shard]:
                return None
            self._shares[shard] -= 1
        elif self._count is not None and self.taken >= self._count:
            return None
        self.taken += 1
        return self._job(self.taken)

    def remaining(self, model: str) -> int:
        """See `Supply.remaining`."""
        del model
        return 1_000_000 if self._count is None else self._count - self.taken

    def _job(self, number: int) -> Job:
        async def job(ask: Ask) -> None:
            message = Message("user", self._prompt())
            try:
                await ask(Request(str(number), 0, MODEL, (message,), max_tokens=16))
            except CallError:
                self.failed += 1
            else:
                self.answered += 1

        return job


@dataclass
class Ground:
    """An emulator at work: where it is, its endpoints as reached there, and their keys."""

    url: str
    endpoints: tuple[Endpoint, ...]
    keys: dict[str, str]
    session: aiohttp.ClientSession

    async def stats(self) -> Stats:
        """What it has counted until now."""
        async with self.session.get(f"{self.url}/_emulator/stats") as answer:
            found: Stats = await answer.json()
        return found

    def transport(self) -> HttpTransport:
        """With the emulator's keys."""
        return HttpTransport(self.keys)


@contextlib.asynccontextmanager
async def ground(rules: Sequence[Rule], seed: int = 0) -> AsyncIterator[Ground]:
    """Endpoints `0`, `1`, … that behave as `rules` say, one rule each."""
    pool = endpoints(len(rules))
    options = EmulatorOptions(seed=seed, time_scale=1.0, rules=tuple(rules))
    async with (
        emulator_process(Emulation(pool, options)) as url,
        aiohttp.ClientSession() as session,
    ):
        located, keys = emulated(pool, url)
        yield Ground(url, located, keys, session)


async def drive_for(
    seconds: float, dispatcher: Dispatcher, work: Work, look: Callable[[], Awaitable[None]]
) -> float:
    """Run endless work, calling `look` twenty times a second; hang up when the time is over.

    Gives how late a timer was, in seconds, at the 95th percentile: more than a few milliseconds
    say that the machine was too busy for what was measured.
    """
    late = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(dispatcher.run, work)
        with anyio.move_on_after(seconds):
            while True:
                began = anyio.current_time()
                await anyio.sleep(LOOK_S)
                late.append(anyio.current_time() - began - LOOK_S)
                await look()
        await look()
        work.over = True
        tasks.cancel_scope.cancel()
    return sorted(late)[int(0.95 * len(late))]


def say(benchmark: str, **figures: object) -> None:
    """One JSON line."""
    print(json.dumps({"benchmark": benchmark} | figures), flush=True)


def median(values: Sequence[float], digits: int = 3) -> float:
    """Rounded."""
    return round(statistics.median(values), digits)
