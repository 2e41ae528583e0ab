"""Second copies of stragglers over real sockets: the same records, sooner; losers hang up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from time import monotonic
from typing import Any

import anyio
import msgspec
import pytest
from simulated_work import Work

from stormproof.domain.pool import Endpoint, Limits
from stormproof.episode import run_episode
from stormproof.plan import RunOptions, TrialSupply, plan_run
from stormproof.pool import Ask, Dispatcher, Hedge, Job
from stormproof.pool.bounds import Bounds
from stormproof.store import Header, open_store
from stormproof.store.comparing import same_records
from stormproof.suites.workflows.tasks import load_task
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio

MODEL = "qwen2.5-72b-instruct"
SLOW_S = 6.0
SLOW_AFTER = 100  # calls, so that both endpoints know how long answers take
Server = Callable[..., AbstractAsyncContextManager[Any]]


def scripted(seen: Counter[bytes]) -> Callable[[Any], Any]:
    """The same reply to the same call; every fortieth new one takes very long the first time."""

    async def script(exchange: Any) -> None:
        asked = msgspec.json.encode(exchange.body["messages"])
        new = not seen[asked]
        seen[asked] += 1
        slow = new and len(seen) > SLOW_AFTER and len(seen) % 40 == 0
        await anyio.sleep(SLOW_S if slow else 0.02)
        text = "<tool_call>file_reader" if len(exchange.body["messages"]) < 6 else "Task completed."
        reply = {
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 1},
            "model": "served",
        }
        await exchange.answer(200, reply, content_type="application/json")

    return script


async def run(folder: Path, endpoints: list[Endpoint], hedge: Hedge) -> tuple[Dispatcher, int]:
    """One short run with a journal of its own; the dispatcher, and how many calls were hedged."""
    options = RunOptions(models=(MODEL,), prompt_types=("optimal",), num_instances=12)
    plan = plan_run(options)
    supply = TrialSupply(plan)
    hedged = 0
    async with open_store(folder, Header(suite="s", seed=0, stormproof="0")) as store:

        class Episodes:
            def take(self, model: str, shard: int | None) -> Job | None:
                trial = supply.take(model, shard)
                if trial is None:
                    return None

                async def job(ask: Ask) -> None:
                    nonlocal hedged
                    episode = await run_episode(trial, load_task(trial.task_id, 0), ask)
                    hedged += sum(turn.answer.hedged for turn in episode.turns)
                    await store.episode(episode)
                    supply.ended(trial)

                return job

            def remaining(self, model: str) -> int:
                return supply.remaining(model)

        async with HttpTransport({"env:KEY": "sk"}) as transport:
            dispatcher = Dispatcher(endpoints, transport, hedge=hedge)
            await dispatcher.run(Episodes())
    return dispatcher, hedged


@pytest.mark.parametrize(("begins", "early"), [(True, 1), (False, 0)])
async def test_a_send_given_up_while_its_answer_came_is_a_false_alarm(
    loopback: Server,
    endpoint: Endpoint,
    begins: bool,  # noqa: FBT001  the case's value
    early: int,
) -> None:
    body = msgspec.json.encode(
        {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
    )
    stalled = 0

    async def script(exchange: Any) -> None:
        nonlocal stalled
        if exchange.headers["x-client-request-id"].startswith("model/199/") and not stalled:
            stalled += 1
            if begins:
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
                await exchange.send(head.encode() + body[:5])
            await exchange.hang()
        await anyio.sleep(0.02)
        await exchange.answer(200, body)

    work = Work(200, models=("model",))
    async with loopback(script) as service, HttpTransport({"env:KEY": "sk"}) as transport:
        one = msgspec.structs.replace(
            endpoint, base_url=f"{service.url}/v1", limits=Limits(max_workers=4)
        )
        dispatcher = Dispatcher([one], transport, bounds=Bounds(lost_floor_s=2.0))
        await dispatcher.run(work)
    (state,) = dispatcher.snapshot()
    assert (work.done, state.hedges, state.false_alarms) == (200, 1, early)
    assert state.discarded == early  # it may have to be paid


async def test_stragglers_are_overtaken_on_real_sockets(
    loopback: Server, endpoint: Endpoint, tmp_path: Path
) -> None:
    took: dict[str, float] = {}
    for hedge in ("none", "all"):
        script = scripted(Counter())  # one for both: who gets how many calls is chance
        async with loopback(script) as first, loopback(script) as second:
            endpoints = [
                msgspec.structs.replace(
                    endpoint, endpoint_id=f"e{n}", number=n, model=MODEL,
                    base_url=f"{server.url}/v1", limits=Limits(max_workers=8),
                )
                for n, server in enumerate((first, second))
            ]  # fmt: skip
            began = monotonic()
            dispatcher, hedged = await run(tmp_path / hedge, endpoints, hedge)
            took[hedge] = monotonic() - began
            if hedge == "all":
                states = dispatcher.snapshot()
                assert sum(state.hedges for state in states) == hedged > 0
                assert [state.in_flight for state in states] == [0, 0]
    assert took["all"] < SLOW_S < took["none"]
    assert same_records(tmp_path / "none", tmp_path / "all") == []
