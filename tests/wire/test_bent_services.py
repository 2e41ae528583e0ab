"""Whole episodes over HTTP with services that bend the form; their model makes no mistake.

Each model follows the task's own plan, so each must come to a full success.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from fake_service import Exchange, FakeService

from stormproof.domain.calls import Answer, Ok, Request
from stormproof.domain.conditions import Condition, Protocol
from stormproof.domain.episodes import Episode
from stormproof.domain.pool import Endpoint
from stormproof.domain.tasks import Step
from stormproof.episode import run_episode
from stormproof.errors import RequestRejected, TransientFailure
from stormproof.suites.workflows.tasks import load_task
from stormproof.testing.records import a_trial
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio
TASK = load_task("data_pipeline.easy.00000")
DONE = {"content": "TASK COMPLETE"}
Bent = Callable[[Step], dict[str, Any]]


def whole(message: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    usage = {"prompt_tokens": 9, "completion_tokens": 9}
    return {
        "choices": [{"message": message, "finish_reason": finish_reason}],
        "usage": usage,
        "model": "m",
    }


def turn_of(exchange: Exchange) -> int:
    return sum(message["role"] == "assistant" for message in exchange.body["messages"])


class Bending:
    """A service that makes the plan's calls in a form of its own."""

    def __init__(self, bent: Bent) -> None:
        self._bent = bent

    async def __call__(self, exchange: Exchange) -> None:
        turn = turn_of(exchange)
        plan = TASK.solution
        message = self._bent(plan[turn]) if turn < len(plan) else DONE
        body = message if "choices" in message else whole(message)
        await exchange.answer(200, json.dumps(body).encode())  # json writes NaN too


async def played(
    script: Any, protocol: Protocol, endpoint: Endpoint, **condition: Any
) -> tuple[Episode, list[Exchange]]:
    """An episode of a perfect model behind the service, and what the service was asked."""
    trial = a_trial(condition=Condition("baseline", "easy", 1.0, protocol=protocol, **condition))
    async with FakeService(script) as service, HttpTransport({"env:KEY": "sk"}) as transport:
        there = msgspec.structs.replace(endpoint, base_url=service.url)

        async def ask(request: Request) -> Answer:
            verdict = await transport.send(there, request, timeout_s=10)
            if isinstance(verdict, Ok):
                return Answer(verdict.reply, there.endpoint_id)
            kind = TransientFailure if "HTTP 500" in verdict.reason else RequestRejected
            raise kind(verdict.reason)

        return await run_episode(trial, TASK, ask), service.exchanges


def native(step: Step, **changes: Any) -> dict[str, Any]:
    function = {"name": step.tool, "arguments": json.dumps(step.arguments)}
    return {"id": f"id-{step.tool}", "type": "function", "function": function} | changes


def with_calls(*calls: Any, **rest: Any) -> dict[str, Any]:
    return {"content": None, "tool_calls": list(calls), **rest}


def in_second_choice(step: Step) -> dict[str, Any]:
    body = whole(with_calls(native(step)))
    body["choices"].insert(0, {"message": {"content": "I go on."}, "finish_reason": "stop"})
    return body


def slipped(step: Step, form: str) -> dict[str, Any]:
    arguments = form.replace("@", json.dumps(step.arguments))
    return with_calls(native(step, function={"name": step.tool, "arguments": arguments}))


NATIVE: dict[str, Bent] = {
    "as documented": lambda step: with_calls(native(step)),
    "without ids": lambda step: with_calls({"function": native(step)["function"]}),
    "the same call twice": lambda step: with_calls(native(step), native(step)),
    "flat": lambda step: with_calls({"name": step.tool, "arguments": step.arguments}),
    "one object": lambda step: {"content": None, "tool_calls": native(step)},
    "parameters": lambda step: with_calls(
        {"function": {"name": step.tool, "parameters": step.arguments}}
    ),
    "a null name": lambda step: with_calls(
        {"id": f"functions.{step.tool}:0",
         "function": {"name": None, "arguments": json.dumps(step.arguments)}}
    ),
    "the old function_call": lambda step: {
        "content": None, "function_call": native(step)["function"]
    },
    "in the second choice": in_second_choice,
    "as Anthropic's content": lambda step: {
        "content": [{"type": "tool_use", "id": "t", "name": step.tool, "input": step.arguments}]
    },
    "in the text": lambda step: {
        "content": f"<tool_call>{step.tool} {json.dumps(step.arguments)}</tool_call>"
    },
    "among the thoughts": lambda step: {
        "content": "",
        "reasoning_content": f"[TOOL_CALLS]{step.tool}[ARGS]{json.dumps(step.arguments)}",
    },
    "with NaN in it": lambda step: whole(with_calls(native(step))) | {"timing": float("nan")},
    **{
        f"arguments {form!r}": lambda step, form=form: slipped(step, form)  # type: ignore[misc]
        for form in ('@""', "@}", "```json\n@\n```", "[@]", '{"arguments": @}', "@<|im_end|>")
    },
}  # fmt: skip


@pytest.mark.parametrize("bent", NATIVE.values(), ids=NATIVE)
async def test_a_native_service_that_bends_the_form_loses_nothing(
    bent: Bent, endpoint: Endpoint
) -> None:
    episode, exchanges = await played(Bending(bent), "native", endpoint)
    assert episode.score is not None
    assert (episode.score.success, episode.ending) == ("full", "done")
    assert [e.tool for e in episode.executions] == [step.tool for step in TASK.solution]
    assert sum(turn.unread for turn in episode.turns) == 0
    messages = exchanges[-1].body["messages"]
    asked = [call["id"] for m in messages for call in m.get("tool_calls") or ()]
    answered = [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    assert asked == answered
    assert all(asked)


async def test_ids_that_a_service_leaves_out_differ_over_the_episode(endpoint: Endpoint) -> None:
    _, exchanges = await played(Bending(NATIVE["without ids"]), "native", endpoint)
    messages = exchanges[-1].body["messages"]
    ids = [call["id"] for m in messages for call in m.get("tool_calls") or ()]
    assert len(set(ids)) == len(ids) == len(TASK.solution)


def hermes(step: Step) -> dict[str, Any]:
    call = {"name": step.tool, "arguments": step.arguments}
    return {"content": f"<tool_call>{json.dumps(call)}</tool_call>"}


class ParsesTags:
    """Takes `<tool_call>` for JSON by itself, in a reply and in what it is shown, as some do.

    `transformers serve` answers HTTP 500 where it is none.
    """

    async def __call__(self, exchange: Exchange) -> None:
        turn, plan = turn_of(exchange), TASK.solution
        system = exchange.body["messages"][0]["content"]
        if turn == len(plan):
            await exchange.answer(200, whole(DONE))
        elif '<tool_call>{"name"' in system:
            await exchange.answer(200, whole(with_calls(native(plan[turn])), "tool_calls"))
        else:
            await exchange.answer(500, {"detail": "Expecting value: line 1 column 1 (char 0)"})


@pytest.mark.parametrize("script", [Bending(hermes), ParsesTags()], ids=["text", "parsed"])
async def test_the_hermes_protocol_needs_no_repair(script: Any, endpoint: Endpoint) -> None:
    episode, exchanges = await played(script, "hermes", endpoint)
    assert episode.score is not None
    assert episode.score.success == "full"
    assert sum(turn.format_repairs + turn.unread for turn in episode.turns) == 0
    assert "tools" not in exchanges[-1].body
    said = [m for m in exchanges[-1].body["messages"] if m["role"] == "assistant"]
    assert all(m["content"].startswith('<tool_call>{"name"') for m in said)


async def test_a_text_protocol_that_a_server_cannot_bear_is_named(endpoint: Endpoint) -> None:
    episode, _ = await played(ParsesTags(), "text", endpoint)
    assert episode.outcome == "infrastructure"
    assert "HTTP 500" in episode.error
    assert "--protocol hermes" in episode.error


class WantsItBack:
    """Refuses a conversation whose calls came back without what it had sent with them.

    DeepSeek's thinking mode does so (api-docs.deepseek.com/guides/thinking_mode#tool-calls), and
    Gemini (ai.google.dev/gemini-api/docs/thought-signatures); the words are theirs.
    """

    def __init__(self) -> None:
        self.missing = 0

    async def __call__(self, exchange: Exchange) -> None:
        called = [m for m in exchange.body["messages"] if m.get("tool_calls")]
        for number, message in enumerate(called):
            if message.get("reasoning_content") != f"thought {number}":
                why = "Missing `reasoning_content` field in the assistant message at message index"
                return await self._refuse(exchange, f"{why} {number}.")
            signed = message["tool_calls"][0].get("extra_content")
            if signed != {"google": {"thought_signature": f"sig {number}"}}:
                why = "Function call is missing a thought_signature in functionCall parts."
                return await self._refuse(exchange, why)
        turn, plan = turn_of(exchange), TASK.solution
        if turn == len(plan):
            return await exchange.answer(200, whole(DONE))
        signature = {"google": {"thought_signature": f"sig {turn}"}}
        call = native(plan[turn], extra_content=signature)
        return await exchange.answer(
            200, whole(with_calls(call, reasoning_content=f"thought {turn}"))
        )

    async def _refuse(self, exchange: Exchange, message: str) -> None:
        self.missing += 1
        await exchange.answer(400, {"error": {"code": 400, "message": message}})


async def test_what_must_come_back_comes_back(endpoint: Endpoint) -> None:
    service = WantsItBack()
    episode, _ = await played(service, "native", endpoint)
    assert (episode.ending, service.missing) == ("done", 0)
    assert episode.score is not None
    assert episode.score.success == "full"


async def test_what_one_server_said_goes_to_no_other(endpoint: Endpoint) -> None:
    """The second server goes on with the conversation, and sees nothing of the first one's."""
    trial = a_trial(condition=Condition("baseline", "easy", 1.0, protocol="native"))
    async with (
        FakeService(WantsItBack()) as first,
        FakeService(Bending(NATIVE["as documented"])) as second,
        HttpTransport({"env:KEY": "sk"}) as transport,
    ):
        at = [
            msgspec.structs.replace(endpoint, base_url=service.url, endpoint_id=name)
            for service, name in ((first, "model@a"), (second, "other/model"))
        ]

        async def ask(request: Request) -> Answer:
            there = at[min(request.turn, 1)]
            verdict = await transport.send(there, request, timeout_s=10)
            assert isinstance(verdict, Ok), verdict
            return Answer(verdict.reply, there.endpoint_id)

        episode = await run_episode(trial, TASK, ask)
    assert episode.ending == "done"
    assert episode.turns[0].answer.reply.carried == {"reasoning_content": "thought 0"}
    assert len(second.exchanges) == len(TASK.solution)
    for exchange in second.exchanges:
        asked = json.dumps(exchange.body)
        assert not [mark for mark in ("thought 0", "sig 0", "extra_content") if mark in asked]
