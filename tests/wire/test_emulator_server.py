"""The emulator over real HTTP on loopback, in this process and in one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import msgspec
import openai
import pytest

from stormproof.domain.pool import Dialect, Endpoint, LimitGroup, Limits
from stormproof.emulator import (
    Emulation,
    EmulatorOptions,
    Latency,
    Outage,
    Rule,
    emulated,
    emulator_process,
    pool_endpoints,
)
from stormproof.emulator.listening import listening
from stormproof.errors import ConfigError
from stormproof.testing.records import an_endpoint as endpoint

FAST = Latency(first_token_s=0.02, token_s=0.0, sigma=0.0, refusal_s=0.0)


class Answered(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Client:
    """Raw HTTP, so that what is on the wire is what is tested."""

    def __init__(self, url: str) -> None:
        self.host, _, port = url.removeprefix("http://").rpartition(":")
        self.port = int(port)
        self.url = url

    async def send(self, raw: bytes) -> Answered:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(raw)
            return await read(reader)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def chat(self, at: Endpoint, text: str = "hello", **more: Any) -> Answered:
        return await self.send(self.chat_bytes(at, text, **more))

    def chat_bytes(
        self, at: Endpoint, text: str = "hello", request_id: str = "", host: str = "", key: str = ""
    ) -> bytes:
        body = msgspec.json.encode(
            {"model": at.deployment, "messages": [{"role": "user", "content": text}]}
        )
        value = key or f"emulated-{at.key.removeprefix('env:')}"
        if at.dialect == "azure":
            path = f"/openai/deployments/{at.deployment}/chat/completions?api-version=1"
            credential = f"api-key: {value}"
        else:
            path, credential = "/v1/chat/completions", f"Authorization: Bearer {value}"
        head = (
            f"POST /{at.provider}{path} HTTP/1.1\r\nHost: {host or self.host}\r\n{credential}\r\n"
            f"x-client-request-id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def get(self, path: str) -> Answered:
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())

    async def stats(self) -> Any:
        return (await self.get("/_emulator/stats")).json


async def read(reader: asyncio.StreamReader) -> Answered:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return Answered(int(head[0].split()[1]), headers, body)


@contextlib.asynccontextmanager
async def serving(*endpoints: Endpoint, **options: Any) -> AsyncIterator[Client]:
    given: dict[str, Any] = {"time_scale": 1.0, "latency": FAST} | options
    chosen = EmulatorOptions(**given)
    async with listening(Emulation(endpoints, chosen)) as (url, _):
        yield Client(url)


def run(test: Callable[[], Awaitable[None]]) -> None:
    anyio.run(test)


# --- answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["openai", "azure"])
def test_answers_are_marked_counted_and_named_for_the_model(dialect: Dialect) -> None:
    async def go() -> None:
        e = msgspec.structs.replace(endpoint("gpt-2", dialect), model="gpt")
        async with serving(e) as client:
            answered = await client.chat(e)
            assert answered.status == 200
            assert answered.json["system_fingerprint"] == "stormproof-emulator"
            assert answered.json["model"] == "gpt"
            usage = answered.json["usage"]
            assert usage["prompt_tokens"] > 0
            assert usage["completion_tokens"] > 0
            seen = (await client.stats())["endpoints"]["gpt-2"]
            assert (seen["accepted"], seen["answered"], seen["in_flight"]) == (1, 1, 0)
            assert seen["completion_tokens"] == usage["completion_tokens"]

    run(go)


def test_the_official_client_talks_to_both_dialects_and_lists_models() -> None:
    async def go() -> None:
        o, a = endpoint("gpt"), endpoint("deep", "azure")
        async with serving(o, a) as client:
            base = f"{client.url}/house"
            async with openai.AsyncOpenAI(
                base_url=f"{base}/v1", api_key="emulated-KEY_GPT", max_retries=0
            ) as plain:
                said = await plain.chat.completions.create(
                    model="gpt", messages=[{"role": "user", "content": "hi"}]
                )
                assert said.choices[0].message.content
                assert [m.id async for m in plain.models.list()] == ["gpt"]
            async with openai.AsyncAzureOpenAI(
                azure_endpoint=base,
                api_key="emulated-KEY_DEEP",
                api_version="2024-10-21",
                max_retries=0,
            ) as azure:
                said = await azure.chat.completions.create(
                    model="deep", messages=[{"role": "user", "content": "hi"}]
                )
                assert said.system_fingerprint == "stormproof-emulator"

    run(go)


def test_the_same_conversation_gets_the_same_answer_whatever_happened_before() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e) as one, serving(e) as other:
            first = [(await one.chat(e, text)).json["choices"] for text in ("a", "b", "c")]
            second = [(await other.chat(e, text)).json["choices"] for text in ("c", "b", "a")]
            assert first == second[::-1]

    run(go)


def test_wrong_key_unknown_model_and_nonsense_get_what_a_service_says() -> None:
    async def go() -> None:
        e, unknown = endpoint(), endpoint("nobody")
        async with serving(e) as client:
            assert (await client.chat(e, key="wrong")).status == 401
            assert (await client.chat(unknown, key="emulated-KEY_GPT")).status == 404
            raw = client.chat_bytes(e).replace(b'{"model"', b'{model"!')
            assert (await client.send(raw)).status == 400
            assert (await client.get("/house/v1/chat/completions")).status == 405
            assert (await client.get("/nowhere")).status == 404

    run(go)


def test_another_host_name_is_refused() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e) as client:
            assert (await client.chat(e, host="evil.example")).status == 421
            assert (await client.chat(e, host="localhost:99")).status == 200
            assert (await client.chat(e, host="192.0.2.7")).status == 200

    run(go)


# --- limits --------------------------------------------------------------------------------


def test_the_cap_holds_and_its_peak_is_counted() -> None:
    async def go() -> None:
        e = endpoint(max_workers=3)
        async with serving(e) as client:
            got = await asyncio.gather(*(client.chat(e) for _ in range(10)))
            assert sorted(a.status for a in got) == [200] * 3 + [429] * 7
            seen = (await client.stats())["endpoints"]["gpt"]
            assert seen["peak_in_flight"] == 3
            assert seen["refused"] == {"cap": 7}
            refused = next(a for a in got if a.status == 429)
            assert "retry-after" not in refused.headers

    run(go)


def test_a_rate_limit_says_truly_when_to_come_back() -> None:
    async def go() -> None:
        e = endpoint(qps=5)
        async with serving(e, rules=(Rule(burst_s=0.2),)) as client:
            assert (await client.chat(e)).status == 200
            refused = await client.chat(e)
            assert refused.status == 429
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["x-ratelimit-limit-requests"] == "300"
            await asyncio.sleep(int(refused.headers["retry-after-ms"]) / 1000)
            assert (await client.chat(e)).status == 200

    run(go)


@pytest.mark.parametrize(
    ("how", "sent"), [("absent", None), ("60", "60"), ("soon", "soon"), ("-5", "-5")]
)
def test_retry_after_can_be_wrong_or_absent(how: str, sent: str | None) -> None:
    async def go() -> None:
        e = endpoint(qps=0.01)
        async with serving(e, rules=(Rule(retry_after=how),)) as client:
            await client.chat(e)
            refused = await client.chat(e)
            assert refused.status == 429
            assert refused.headers.get("retry-after") == sent

    run(go)


def test_a_limit_shared_by_two_endpoints_binds_them_together() -> None:
    async def go() -> None:
        group = LimitGroup("key house/k", Limits(max_workers=2))
        both = [msgspec.structs.replace(endpoint(n), groups=(group,)) for n in ("a", "b")]
        async with serving(*both) as client:
            got = await asyncio.gather(*(client.chat(e) for e in both * 3))
            assert sorted(a.status for a in got) == [200] * 2 + [429] * 4

    run(go)


def test_a_queueing_endpoint_never_refuses_but_takes_longer() -> None:
    async def go() -> None:
        e = endpoint(max_workers=2)
        async with serving(e, rules=(Rule(kind="queue"),)) as client:
            started = time.monotonic()
            got = await asyncio.gather(*(client.chat(e) for _ in range(8)))
            assert {a.status for a in got} == {200}
            assert time.monotonic() - started >= 4 * 0.02
            assert (await client.stats())["endpoints"]["gpt"]["peak_waiting"] == 6

    run(go)


def test_what_the_limits_would_have_admitted_bounds_what_was_accepted() -> None:
    async def go() -> None:
        e = endpoint(qps=50)
        async with serving(e, rules=(Rule(burst_s=0.1),)) as client:
            for _ in range(5):
                await asyncio.gather(*(client.chat(e) for _ in range(20)))
            seen = (await client.stats())["endpoints"]["gpt"]
            assert 0.6 * seen["would_have_admitted"] <= seen["accepted"]
            assert seen["accepted"] <= seen["would_have_admitted"] + 1
            early = (await client.get("/_emulator/stats?until=0")).json["endpoints"]["gpt"]
            assert early["would_have_admitted"] == pytest.approx(5)  # the burst alone

    run(go)


# --- faults --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["500", "503"])
def test_server_errors(kind: Any) -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e, faults={kind: 1.0}) as client:
            answered = await client.chat(e)
            assert answered.status == int(kind)
            seen = (await client.stats())["endpoints"]["gpt"]
            assert (seen["faults"], seen["answered"], seen["in_flight"]) == ({kind: 1}, 0, 0)

    run(go)


def test_bodies_that_are_wrong() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e, faults={"nonjson": 1.0}) as client:
            assert b"<html>" in (await client.chat(e)).body
        async with serving(e, faults={"error_object": 1.0}) as client:
            answered = await client.chat(e)
            assert (answered.status, set(answered.json)) == (200, {"error"})
        async with serving(e, faults={"empty": 1.0}) as client:
            answered = await client.chat(e)
            assert answered.json["choices"][0]["message"]["content"] == ""
            assert answered.json["usage"]["completion_tokens"] == 0
        async with serving(e, faults={"huge": 1.0}, huge_bytes=5_000_000) as client:
            assert len((await client.chat(e)).json["padding"]) > 4_900_000
        async with serving(e, faults={"drip": 1.0}, drip_s=0.0) as client:
            assert (await client.chat(e)).json["choices"]

    run(go)


def test_connections_that_break() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e, faults={"reset": 1.0}) as client:
            with pytest.raises(ConnectionResetError):
                await client.chat(e)
        async with serving(e, faults={"truncated": 1.0}) as client:
            with pytest.raises(asyncio.IncompleteReadError) as cut:
                await client.chat(e)
            assert cut.value.partial

    run(go)


def test_a_hanging_request_holds_its_slot_until_the_client_leaves() -> None:
    async def go() -> None:
        e = endpoint(max_workers=1)
        async with serving(e, faults={"hang": 1.0}) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.chat(e), 0.1)
            await asyncio.sleep(0.02)
            seen = (await client.stats())["endpoints"]["gpt"]
            assert (seen["abandoned"], seen["in_flight"]) == (1, 0)

    run(go)


def test_an_outage_a_revoked_key_a_lost_deployment_and_a_spent_quota_come_in_time() -> None:
    async def go() -> None:
        names = ("up", "out", "revoked", "gone", "spent")
        rules = (
            Rule("out", outages=(Outage(0.0, 0.15),)),
            Rule("revoked", revoked_at_s=0.1),
            Rule("gone", gone_at_s=0.1),
            Rule("spent", exhausted_at_s=0.1),
        )
        async with serving(*map(endpoint, names), rules=rules) as client:
            early = [(await client.chat(endpoint(n))).status for n in names]
            await asyncio.sleep(max(0.0, 0.2 - (await client.stats())["now_s"]))
            late = [await client.chat(endpoint(n)) for n in names]
            assert early[:2] == [200, 503]
            assert [a.status for a in late] == [200, 200, 401, 404, 429]
            assert late[4].json["error"]["code"] == "insufficient_quota"

    run(go)


def test_rules_can_change_while_it_runs() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e) as client:
            assert (await client.chat(e)).status == 200
            body = msgspec.json.encode(EmulatorOptions(faults={"503": 1.0}, time_scale=0.01))
            head = (
                f"POST /_emulator/rules HTTP/1.1\r\nHost: {client.host}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            assert (await client.send(head.encode() + body)).status == 200
            assert (await client.chat(e)).status == 503
            plain = head.replace("application/json", "text/plain")
            assert (await client.send(plain.encode() + body)).status == 415

    run(go)


def test_repeated_answers_are_counted_by_trial_and_turn() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e) as client:
            for request_id in ("t1/0/1", "t1/1/1", "t1/1/2", "t1/1/3", "t2/1/1"):
                await client.chat(e, request_id=request_id)
            stats = await client.stats()
            assert stats["repeated_answers"] == 2
            assert stats["repeats"] == {"t1/1": 3}
            assert stats["answered_turns"] == 3

    run(go)


# --- HTTP ----------------------------------------------------------------------------------


def test_a_connection_serves_pipelined_and_chunked_requests_in_order() -> None:
    async def go() -> None:
        e = endpoint()
        async with serving(e) as client:
            whole = client.chat_bytes(e)
            head, _, body = whole.partition(b"\r\n\r\n")
            chunked = head.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
            pieces = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
            reader, writer = await asyncio.open_connection(client.host, client.port)
            writer.write(whole + chunked + b"\r\n\r\n" + pieces + b"0\r\nx: y\r\n\r\n" + whole)
            assert [(await read(reader)).status for _ in range(3)] == [200, 200, 200]
            for at in range(len(whole)):  # and byte by byte
                writer.write(whole[at : at + 1])
            assert (await read(reader)).status == 200
            writer.close()
            await writer.wait_closed()

    run(go)


# --- the process ---------------------------------------------------------------------------


def test_the_shipped_pool_is_served_by_a_process_that_ends_with_the_block() -> None:
    async def go() -> None:
        endpoints = pool_endpoints()
        async with emulator_process(Emulation(endpoints, EmulatorOptions(time_scale=0.01))) as url:
            located, keys = emulated(endpoints, url)
            client = Client(url)
            for e in located[:1] + located[-1:]:
                assert e.base_url == f"{url}/{e.provider}"
                assert (await client.chat(e, key=keys[e.key])).status == 200
        with pytest.raises(OSError):  # noqa: PT011  refused or reset, by platform
            await client.chat(located[0])

    run(go)


def test_a_process_that_cannot_listen_says_so() -> None:
    async def go() -> None:
        with pytest.raises(ConfigError, match=r"203\.0\.113\.1"):
            async with emulator_process(Emulation((), host="203.0.113.1")):
                pass

    run(go)


def test_the_process_dies_with_a_parent_that_is_killed() -> None:
    script = """
import anyio
from stormproof.emulator import Emulation, emulator_process
async def main():
    async with emulator_process(Emulation(())) as url:
        print(url, flush=True)
        await anyio.sleep_forever()
anyio.run(main)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        client = Client(parent.stdout.readline().strip())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    async def gone() -> None:
        with anyio.fail_after(5), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await client.get("/_emulator/stats")
                await anyio.sleep(0.02)

    run(gone)
