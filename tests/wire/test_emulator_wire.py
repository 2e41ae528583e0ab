"""Our client, the official one, and the emulator: each must understand the other two."""

from __future__ import annotations

import asyncio
import contextlib
import json
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import openai
import pytest

from stormproof.domain.calls import (
    Denied,
    Message,
    Ok,
    Refused,
    Request,
    Transient,
    Usage,
    Verdict,
)
from stormproof.domain.pool import Dialect, Endpoint
from stormproof.emulator import (
    Emulation,
    EmulatorOptions,
    Latency,
    Rule,
    emulated,
    emulator_process,
)
from stormproof.testing.records import an_endpoint as named
from stormproof.wire import HttpTransport

pytestmark = pytest.mark.anyio

FAST = Latency(first_token_s=0.01, token_s=0.0, sigma=0.0, refusal_s=0.0)
TOOL = {
    "type": "function",
    "function": {
        "name": "file_reader",
        "description": "Read a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}  # as a run has it


@contextlib.asynccontextmanager
async def emulator(
    *endpoints: Endpoint, **options: Any
) -> AsyncIterator[tuple[dict[str, Endpoint], HttpTransport, str]]:
    """The endpoints by name as the emulator serves them, our client to them, and its address."""
    given: dict[str, Any] = {"time_scale": 1.0, "latency": FAST} | options
    chosen = EmulatorOptions(**given)
    async with emulator_process(Emulation(endpoints, chosen)) as url:
        located, credentials = emulated(endpoints, url)
        async with HttpTransport(credentials) as transport:
            yield {e.endpoint_id: e for e in located}, transport, url


def asked_of(endpoint: Endpoint, turn: int = 0, tools: tuple[dict[str, Any], ...] = ()) -> Request:
    messages = (Message("system", "You have tools."), Message("user", f"Turn {turn}: read a file."))
    return Request("feed", turn, endpoint.model, messages, tools, seed=3)


async def stats(url: str) -> Any:
    def get() -> Any:
        with urllib.request.urlopen(f"{url}/_emulator/stats", timeout=5) as answer:  # noqa: S310  our own
            return json.load(answer)

    return await asyncio.to_thread(get)


def official(endpoint: Endpoint, **options: Any) -> openai.AsyncOpenAI:
    """The official client for an endpoint of the emulator, in its dialect's class."""
    key = f"emulated-{endpoint.key.removeprefix('env:')}"
    given: dict[str, Any] = {"api_key": key, "max_retries": 0} | options
    if endpoint.dialect == "azure":
        return openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint.base_url, api_version=endpoint.api_version, **given
        )
    return openai.AsyncOpenAI(base_url=endpoint.base_url, **given)


async def ask_officially(endpoint: Endpoint, request: Request, **options: Any) -> Any:
    more: dict[str, Any] = {"tools": list(request.tools)} if request.tools else {}
    messages: Any = [{"role": m.role, "content": m.content} for m in request.messages]
    async with official(endpoint, **options) as client:
        return await client.chat.completions.create(
            model=endpoint.deployment, messages=messages, seed=request.seed, **more
        )


@pytest.mark.parametrize("dialect", ["openai", "azure"])
@pytest.mark.parametrize("tools", [(), (TOOL,)])
async def test_both_clients_read_the_same_reply(
    dialect: Dialect, tools: tuple[dict[str, Any], ...]
) -> None:
    async with emulator(named("gpt", dialect)) as (at, transport, url):
        request = asked_of(at["gpt"], tools=tools)
        verdict = await transport.send(at["gpt"], request, timeout_s=10)
        said = await ask_officially(at["gpt"], request)
        counts = (await stats(url))["endpoints"]["gpt"]
    assert isinstance(verdict, Ok)
    reply, choice = verdict.reply, said.choices[0]
    assert reply.simulated
    assert reply.raw == ""
    assert reply.text == (choice.message.content or "")
    assert [(c.name, c.arguments) for c in reply.tool_calls] == [
        (c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()
    ]
    assert reply.finish_reason == choice.finish_reason
    assert reply.usage == Usage(said.usage.prompt_tokens, said.usage.completion_tokens)
    assert reply.served_model == said.model
    assert (counts["accepted"], counts["answered"]) == (2, 2)


@pytest.mark.parametrize("tools", [(), (TOOL,)])
async def test_a_streamed_reply_is_the_same_one(tools: tuple[dict[str, Any], ...]) -> None:
    async with emulator(named("gpt")) as (at, transport, _):
        request = asked_of(at["gpt"], tools=tools)
        plain = await transport.send(at["gpt"], request, timeout_s=10)
        streams = msgspec.structs.replace(at["gpt"], stream=True)
        assert await transport.send(streams, request, timeout_s=10) == plain
        messages: Any = [{"role": m.role, "content": m.content} for m in request.messages]
        async with official(streams) as client:
            stream = await client.chat.completions.create(
                model="gpt", messages=messages, seed=3, stream=True
            )
            said = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    assert isinstance(plain, Ok)
    assert tools or said == plain.reply.text


FAULTS: list[tuple[str, type, type[Exception] | None]] = [
    ("500", Transient, openai.InternalServerError),
    ("503", Transient, openai.InternalServerError),
    ("reset", Transient, openai.APIConnectionError),
    ("truncated", Transient, openai.APIConnectionError),
    ("nonjson", Transient, None),  # the official client hands out the page as if it were a reply
    ("error_object", Transient, None),
    ("empty", Transient, None),
    ("huge", Transient, None),
    ("hang", Transient, openai.APITimeoutError),
    ("drip", Transient, None),  # its time limit is per read, so a drip would hold it for minutes
]


async def test_every_fault_reaches_its_verdict_and_the_official_clients_error() -> None:
    rules = tuple(Rule(name, faults={name: 1.0}) for name, _, _ in FAULTS)  # type: ignore[dict-item]  # names are faults
    endpoints = [named(name) for name, _, _ in FAULTS]
    async with emulator(*endpoints, rules=rules, drip_s=0.2) as (at, transport, url):
        sends = (
            transport.send(at[name], asked_of(at[name]), timeout_s=3 if name == "huge" else 0.5)
            for name, _, _ in FAULTS
        )
        verdicts: list[Verdict] = await asyncio.gather(*sends)
        for (name, kind, error), verdict in zip(FAULTS, verdicts, strict=True):
            assert isinstance(verdict, kind), (name, verdict)
            if error is not None:
                with pytest.raises(error):
                    await ask_officially(at[name], asked_of(at[name]), timeout=0.5)
        counts = (await stats(url))["endpoints"]
    assert all(counts[name]["in_flight"] == 0 for name, _, _ in FAULTS)


async def test_refusals_and_denials_are_what_the_official_client_makes_of_them() -> None:
    rules = (
        Rule("limited", qps=0.05, burst_s=0.0),
        Rule("revoked", revoked_at_s=0.0),
        Rule("gone", gone_at_s=0.0),
        Rule("spent", exhausted_at_s=0.0),
    )
    names = ("limited", "revoked", "gone", "spent")
    async with emulator(*map(named, names), rules=rules) as (at, transport, _):
        first = await transport.send(at["limited"], asked_of(at["limited"]), timeout_s=5)
        assert isinstance(first, Ok)
        got = {n: await transport.send(at[n], asked_of(at[n], 1), timeout_s=5) for n in names}
        for name, error in (
            ("limited", openai.RateLimitError),
            ("revoked", openai.AuthenticationError),
            ("gone", openai.NotFoundError),
            ("spent", openai.RateLimitError),
        ):
            with pytest.raises(error):
                await ask_officially(at[name], asked_of(at[name], 1))
    limited, spent = got["limited"], got["spent"]
    assert isinstance(limited, Refused)
    assert not limited.quota
    assert limited.retry_after_s is not None
    assert 0 < limited.retry_after_s <= 20.5
    assert limited.rates is not None
    assert limited.rates.limit_rpm == 3
    assert isinstance(spent, Refused)
    assert spent.quota
    assert isinstance(got["revoked"], Denied)
    assert isinstance(got["gone"], Denied)


async def test_a_wrong_key_is_denied_and_not_repeated() -> None:
    async with emulator(named("gpt")) as (at, _, _):
        wrong = "sk-marked-7f3a91c2"
        async with HttpTransport({"env:KEY_GPT": wrong}) as transport:
            verdict = await transport.send(at["gpt"], asked_of(at["gpt"]), timeout_s=5)
    assert isinstance(verdict, Denied)
    assert wrong not in repr(verdict)


async def test_a_cancelled_call_gives_its_slot_back_at_once() -> None:
    slow = Latency(first_token_s=30.0, token_s=0.0, sigma=0.0)
    async with emulator(named("gpt", max_workers=1), latency=slow) as (at, transport, url):
        call = asyncio.ensure_future(transport.send(at["gpt"], asked_of(at["gpt"]), timeout_s=60))
        while (await stats(url))["endpoints"]["gpt"]["in_flight"] == 0:  # noqa: ASYNC110  over HTTP
            await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0.1)
        counts = (await stats(url))["endpoints"]["gpt"]
    assert (counts["in_flight"], counts["abandoned"]) == (0, 1)


async def test_a_turn_answered_twice_is_seen_as_such_by_the_emulator() -> None:
    async with emulator(named("gpt")) as (at, transport, url):
        for turn, attempt in ((0, 1), (1, 1), (1, 2)):
            request = asked_of(at["gpt"], turn)
            await transport.send(at["gpt"], request, timeout_s=5, attempt=attempt)
        counts = await stats(url)
    assert '"repeated' in json.dumps(counts)
    assert sum(v for k, v in counts.items() if "repeated" in k and isinstance(v, int)) == 1


async def test_two_hundred_at_once_share_two_hundred_connections() -> None:
    async with emulator(named("gpt")) as (at, transport, url):
        for turn in range(2):
            sends = (
                transport.send(
                    at["gpt"],
                    msgspec.structs.replace(asked_of(at["gpt"], turn), trial_id=f"trial{n}"),
                    timeout_s=10,
                )
                for n in range(200)
            )
            assert all(isinstance(v, Ok) for v in await asyncio.gather(*sends))
        counts = (await stats(url))["endpoints"]["gpt"]
    assert counts["answered"] == 400
    assert counts["peak_in_flight"] <= 200
