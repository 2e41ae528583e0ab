"""Episodes with simulated agents over HTTP are the episodes without HTTP between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import msgspec
import pytest

from stormproof.domain.calls import Answer, Ok, Reply, Request
from stormproof.domain.conditions import PROTOCOLS, Condition, Protocol
from stormproof.domain.episodes import Episode
from stormproof.domain.trials import make_trial
from stormproof.emulator import (
    Emulation,
    EmulatorOptions,
    Latency,
    Rule,
    emulated,
    pool_endpoints,
)
from stormproof.emulator.listening import answers_of, listening
from stormproof.episode import run_episode
from stormproof.suites.workflows.tasks import load_task
from stormproof.testing import asking
from stormproof.wire import HttpTransport

Ask = Callable[[Request], Awaitable[Answer]]
QUICK = EmulatorOptions(
    time_scale=0.001, latency=Latency(sigma=0), rules=(Rule(max_workers=0, qps=0),)
)


async def episodes(model: str, protocol: Protocol, ask: Ask) -> list[Episode]:
    return [await episode(n, model, protocol, ask) for n in range(5)]


async def episode(number: int, model: str, protocol: Protocol, ask: Ask) -> Episode:
    task = load_task(f"data_pipeline.easy.{number:05d}")
    trial = make_trial(
        suite="1",
        seed=0,
        model=model,
        task_id=task.task_id,
        task_type=task.task_type,
        condition=Condition("optimal", "easy", 0.7, protocol=protocol),
    )
    return await run_episode(trial, task, ask, simulated=True)


def replies(one: Episode) -> list[tuple[str, object, object]]:
    said: list[Reply] = [turn.answer.reply for turn in one.turns]
    return [(reply.text.strip(), reply.tool_calls, reply.usage) for reply in said]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("model", "stream"),
    [
        ("gpt-4o-mini", False),
        ("gpt-4o-mini", True),
        ("qwen2.5-3b-instruct", False),
        ("DeepSeek-R1-0528", False),
    ],
)
def test_http_between_changes_nothing(model: str, stream: bool, protocol: Protocol) -> None:  # noqa: FBT001  as parametrized
    known = next(e for e in pool_endpoints() if e.model == model)

    async def go() -> tuple[list[Episode], list[Episode]]:
        emulation = Emulation((known,), QUICK)
        direct = await episodes(known.model, protocol, asking(answers_of(emulation)))
        async with listening(emulation) as (url, _):
            (located,), keys = emulated((known,), url)
            located = msgspec.structs.replace(located, stream=stream)
            async with HttpTransport(keys) as transport:

                async def ask(request: Request) -> Answer:
                    verdict = await transport.send(located, request, timeout_s=10)
                    assert isinstance(verdict, Ok), verdict
                    return Answer(verdict.reply, located.endpoint_id)

                return direct, await episodes(known.model, protocol, ask)

    direct, over_http = anyio.run(go)
    assert sum(len(one.turns) for one in direct) > len(direct)
    assert [replies(one) for one in direct] == [replies(one) for one in over_http]
    assert [one.score for one in direct] == [one.score for one in over_http]
    assert [one.executions for one in direct] == [one.executions for one in over_http]
