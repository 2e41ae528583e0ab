"""Answers that take long are taken beside the loop, and can be given up."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import anyio
import pytest

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.conditions import Condition
from stormproof.episode import taking
from stormproof.episode.conversation import Conversation
from stormproof.suites.workflows.tasks import load_task
from stormproof.testing.models import answer
from stormproof.testing.records import a_trial

pytestmark = pytest.mark.anyio
TASK = load_task("data_pipeline.easy.00000")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_conversation() -> Conversation:
    return Conversation(
        a_trial(condition=Condition("baseline", "easy", 1.0, "native", max_turns=64)), TASK
    )


def calls(name: str, *arguments: dict[str, Any]) -> Reply:
    return Reply("", tuple(ToolCall(f"c{n}", name, json.dumps(a)) for n, a in enumerate(arguments)))


SHORT = calls("utility_helper", {})
VALUE = json.dumps({"text": "x" * 20_000})
STORE = calls("data_processing_parser", {"input": VALUE, "format": "json"})
COSTLY = calls(
    "data_processing_validator",
    *({"schema": {"title": str(n), "anyOf": [{"type": "string"}] * 450}} for n in range(60)),
)


@pytest.mark.parametrize(
    ("reply", "quick"),
    [
        (SHORT, True),
        (calls("utility_helper", {}, {}), False),
        (calls("utility_helper", {"tool": "x" * 5_000}), False),
        (Reply("<tool_call>utility_helper</tool_call>"), True),
        (Reply("<tool_call>utility_helper</tool_call>" * 2), False),
        (Reply("x" * 5_000), False),
    ],
)  # fmt: skip
async def test_only_what_may_take_long_goes_to_a_thread(
    reply: Reply,
    quick: bool,  # noqa: FBT001  by pytest, by name
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[bool] = []
    whole = Conversation.take

    def noting(self: Conversation, given: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return whole(self, given)

    monkeypatch.setattr(Conversation, "take", noting)
    here, there = a_conversation(), a_conversation()
    assert await taking.take(here, answer(reply)) == whole(there, answer(reply))
    assert threads == [quick]


async def test_the_loop_goes_on_beside_a_reply_of_sixty_costly_calls() -> None:
    talk = a_conversation()
    await taking.take(talk, answer(STORE))
    longest_s, ended = 0.0, False

    async def beat() -> None:
        nonlocal longest_s
        while not ended:
            start = time.monotonic()
            await anyio.sleep(0.005)
            longest_s = max(longest_s, time.monotonic() - start)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beat)
        few = Reply("", COSTLY.tool_calls[:6])
        turn = await taking.take(talk, answer(few))
        ended = True
    assert [e.ok for e in turn.executions] == [True] * 6
    assert longest_s < 1  # 0.2 s is the aim; machines that run tests are busy


async def test_a_cancelled_episode_does_not_wait_and_its_thread_soon_ends() -> None:
    talk = a_conversation()
    await taking.take(talk, answer(STORE))
    start = time.monotonic()
    with anyio.move_on_after(0.1) as limit:
        await taking.take(talk, answer(COSTLY))
    assert limit.cancelled_caught
    assert time.monotonic() - start < 1
    with anyio.fail_after(5):
        while taking.threads().borrowed_tokens:  # noqa: ASYNC110  a thread's end has no event
            await anyio.sleep(0.01)
    assert len(talk.turns) == 1  # the turn that was given up is none
