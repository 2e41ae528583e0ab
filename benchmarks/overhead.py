"""CPU of an episode step beyond the bare HTTP client: same client library, server and requests.

    python benchmarks/overhead.py [--instances 200] [--repeats 3]

A run against the emulator gives its requests; a plain loop then posts the very same bodies, 200 in
flight, and reads the answers. Each is done at two lengths, all of it and half of it: the cost of a
call is what the longer one takes more, over the calls that it makes more. So whatever happens once
drops out: start-up, imports, opened connections, what is worked out for the first of a kind and
then remembered. One JSON line per repeat and one for the median; `overhead` is
(run - bare) / bare, per model call.

`bare` is aiohttp as its users have it: a `ClientSession` with its own time limit. A run has no
session, only aiohttp's connector and parser; `lean` is the plain loop over these, and
`overhead_lean` what a step costs beyond it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop

from proving_ground import KEYS, STORMPROOF, ProvingGround
from stormproof.domain.pool import Endpoint
from stormproof.emulator import emulated_key
from stormproof.episode.conversation import Conversation
from stormproof.plan import expand, load_pool
from stormproof.store import read_episodes
from stormproof.suites.workflows.tasks import load_task
from stormproof.wire.connections import connector
from stormproof.wire.dialects import encode, fixed_parts
from stormproof.wire.exchange import Address, Received

IN_FLIGHT = 200
MARK = "x-client-request-id"
Post = tuple[str, dict[str, str], bytes]
Send = Callable[[Post], Awaitable[bool]]


class Cost(NamedTuple):
    """What so many model calls cost the process that made them."""

    calls: int
    cpu_s: float


def bodies(ground: ProvingGround, results: Path) -> list[Post]:
    """Every request of the run, as it was sent."""
    endpoints = {e.endpoint_id: e for e in expand(load_pool(ground.pool))}
    return list(_requests(endpoints, results))


def _requests(endpoints: Mapping[str, Endpoint], results: Path) -> Iterator[Post]:
    for episode in read_episodes(results):
        conversation = Conversation(episode.trial, load_task(episode.trial.task_id))
        for turn in episode.turns:
            request = conversation.request()
            endpoint = endpoints[turn.answer.endpoint_id]
            line = fixed_parts(endpoint, {endpoint.key: emulated_key(endpoint.key)})
            mark = f"{request.trial_id}/bare/{request.turn}"
            yield line.url, line.headers | {MARK: mark}, encode(line, request)
            conversation.take(turn.answer)


async def _post_all(posts: list[Post], send: Send) -> int:
    waiting = iter(posts)
    answered = 0

    async def worker() -> None:
        nonlocal answered
        for post in waiting:
            is_answered = await send(post)
            answered += is_answered

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return answered


async def _bare(posts: list[Post]) -> int:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"content-type": "application/json"}
    ) as session:

        async def send(post: Post) -> bool:
            url, headers, body = post
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.ok

        return await _post_all(posts, send)


async def _lean(posts: list[Post]) -> int:
    addresses: dict[tuple[str, ...], Address] = {}
    pooled = connector()
    async with pooled:

        async def send(post: Post) -> bool:
            url, headers, body = post
            mark = headers.pop(MARK)
            place = (url, *headers.values())
            if place not in addresses:
                shared = headers | {"content-type": "application/json"}
                addresses[place] = Address(pooled, url, shared, None)
            received = Received()
            await addresses[place].post(mark, body, received)
            return received.status < HTTPStatus.BAD_REQUEST

        return await _post_all(posts, send)


LOOPS = {"bare": _bare, "lean": _lean}


def post(path: Path, loop: str) -> None:
    """In a process of its own: post what the file holds, say what it cost."""
    posts: list[Post] = pickle.loads(path.read_bytes())  # noqa: S301  our own file
    before = _cpu_s(resource.RUSAGE_SELF)
    answered = uvloop.run(LOOPS[loop](posts))
    print(json.dumps({"calls": answered, "cpu_s": _cpu_s(resource.RUSAGE_SELF) - before}))


def _loop(path: Path, loop: str) -> Cost:
    """What it costs a plain loop to post what the file holds."""
    words = [sys.executable, __file__, "--loop", loop, "--posts", str(path)]
    found = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return Cost(found["calls"], found["cpu_s"])


def _per_call_ms(half: Cost, whole: Cost) -> float:
    """CPU milliseconds of a call, without what either length pays once."""
    return 1000 * (whole.cpu_s - half.cpu_s) / (whole.calls - half.calls)


def _cpu_s(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _run(ground: ProvingGround, results: str, instances: int) -> Cost:
    """A run as a whole process."""
    words = ["run", "--pool", str(ground.pool), "--results", results, "--json", "--quiet",
             "--prompt-types", "optimal", "--num-instances", str(instances)]  # fmt: skip
    environ = os.environ | {key: f"emulated-{key}" for key in KEYS}
    before = _cpu_s(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*STORMPROOF, *words], cwd=ground.folder, env=environ, capture_output=True, check=True
    )
    return Cost(json.loads(done.stdout)["calls"], _cpu_s(resource.RUSAGE_CHILDREN) - before)


def measure(folder: Path, instances: int) -> dict[str, float]:
    """One repeat."""
    options = {"time_scale": 0.1, "rules": [{"match": "*", "max_workers": 0}]}
    with ProvingGround(folder, options, workers=100) as ground:
        half, whole = _run(ground, "half", instances // 2), _run(ground, "whole", instances)
        posts = bodies(ground, folder / "whole")
        some, every = folder / "some.pickle", folder / "every.pickle"
        some.write_bytes(pickle.dumps(posts[: len(posts) // 2]))
        every.write_bytes(pickle.dumps(posts))
        step_ms = _per_call_ms(half, whole)
        bare_ms, lean_ms = (
            _per_call_ms(_loop(some, loop), _loop(every, loop)) for loop in ("bare", "lean")
        )
    return {
        "calls": whole.calls,
        "step_ms": round(step_ms, 4),
        "bare_ms": round(bare_ms, 4),
        "lean_ms": round(lean_ms, 4),
        "overhead": round((step_ms - bare_ms) / bare_ms, 2),
        "overhead_lean": round((step_ms - lean_ms) / lean_ms, 2),
    }


def main() -> None:
    """Repeat, and print the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loop", choices=LOOPS)
    parser.add_argument("--posts", type=Path)
    given = parser.parse_args()
    if given.loop:
        post(given.posts, given.loop)
        return
    found = []
    for _ in range(given.repeats):
        with tempfile.TemporaryDirectory(prefix="stormproof-overhead-") as folder:
            found.append(measure(Path(folder), given.instances))
        print(json.dumps({"benchmark": "overhead", "client": aiohttp.__version__, **found[-1]}))
    medians = {
        name: round(statistics.median(each[name] for each in found), 4)
        for name in ("step_ms", "bare_ms", "lean_ms", "overhead_lean")
    }
    value = statistics.median(each["overhead"] for each in found)
    median = {"benchmark": "overhead", "median_of": len(found), "overhead": value, "target": 1.0}
    print(json.dumps(median | medians))


if __name__ == "__main__":
    main()
