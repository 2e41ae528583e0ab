"""Runs in the peers' own venv, without Stormproof: one peer does one piece of work, and says how.

    python peer_clients.py PEER < work.json

Work: `{"url", "key", "deployments", "rpm", "calls", "at_once", "warm_up"}`. Prints one JSON line:
the peer's version, answered calls, failed tries, wall and CPU seconds after the warm-up.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

PROMPT = "Say yes."
RETRIES = 10
PAUSE_S = 0.25  # before a call that a client has given up is made again
Work = dict[str, Any]
Call = Callable[[], Awaitable[object]]


class Clock:
    """Wall and CPU seconds of this process, all its threads."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Since the start."""
        return {
            "wall_s": time.perf_counter() - self.wall,
            "cpu_s": time.process_time() - self.cpu,
        }


async def under_semaphore(call: Call, work: Work) -> dict[str, float]:
    """All calls, `at_once` at a time, each until it is answered."""
    gave_up = 0

    async def worker(waiting: list[int]) -> None:
        nonlocal gave_up
        while waiting:
            waiting.pop()
            while True:
                try:
                    await call()
                    break
                except Exception:  # noqa: BLE001  each peer has its own kinds
                    gave_up += 1
                    await asyncio.sleep(PAUSE_S)

    async def all_of(count: int) -> None:
        waiting = list(range(count))
        await asyncio.gather(*(worker(waiting) for _ in range(work["at_once"])))

    await all_of(work["warm_up"])
    clock = Clock()
    await all_of(work["calls"])
    return clock.read() | {"calls": work["calls"], "gave_up": gave_up}


async def openai_client(work: Work) -> dict[str, float]:
    """`AsyncOpenAI`, with its own retries."""
    openai: Any = importlib.import_module("openai")
    async with openai.AsyncOpenAI(
        base_url=work["url"], api_key=work["key"], max_retries=RETRIES
    ) as client:

        async def call() -> None:
            await client.chat.completions.create(
                model=work["deployments"][0], messages=[{"role": "user", "content": PROMPT}]
            )

        return await under_semaphore(call, work)


async def litellm_router(work: Work) -> dict[str, float]:
    """`Router` over all deployments; `rpm` tells it their limits, where it is not empty."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no download
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    told = work["rpm"] or [None] * len(work["deployments"])
    models = [
        {
            "model_name": "model",
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": work["url"],
                "api_key": work["key"],
            }
            | ({"rpm": rpm} if rpm else {}),
        }
        for name, rpm in zip(work["deployments"], told, strict=True)
    ]
    router = litellm.Router(model_list=models, num_retries=RETRIES)

    async def call() -> None:
        await router.acompletion(model="model", messages=[{"role": "user", "content": PROMPT}])

    return await under_semaphore(call, work)


def inspect_eval(work: Work) -> dict[str, float]:
    """An eval of single-call samples under Inspect AI's default adaptive connections."""
    os.environ |= {"BENCH_API_KEY": work["key"], "BENCH_BASE_URL": work["url"]}
    inspect_ai: Any = importlib.import_module("inspect_ai")
    samples = importlib.import_module("inspect_ai.dataset")
    solver = importlib.import_module("inspect_ai.solver")

    def evaluate(count: int) -> int:
        task = inspect_ai.Task(
            dataset=[samples.Sample(input=PROMPT, target="yes") for _ in range(count)],
            solver=solver.generate(),
        )
        with tempfile.TemporaryDirectory(prefix="stormproof-peers-") as folder:
            logs = inspect_ai.eval(
                task,
                model=f"openai-api/bench/{work['deployments'][0]}",
                display="none",
                log_dir=folder,
            )
            return int(logs[0].results.completed_samples) if logs[0].results else 0

    evaluate(max(1, work["warm_up"]))
    clock = Clock()
    done = evaluate(work["calls"])
    return clock.read() | {"calls": done, "gave_up": work["calls"] - done}


def main() -> None:
    """Do the work of stdin."""
    peer, work = sys.argv[1], json.load(sys.stdin)
    match peer:
        case "openai":
            figures = asyncio.run(openai_client(work))
        case "litellm":
            figures = asyncio.run(litellm_router(work))
        case _:
            figures = inspect_eval(work)
    version = importlib.metadata.version(peer)
    print(json.dumps({"version": version} | figures))


if __name__ == "__main__":
    main()
