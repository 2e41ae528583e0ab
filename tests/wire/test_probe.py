"""`stormproof probe` against services that each refuse something, and against the emulator.

Their wordings are those that users quote: OpenAI's of o1-mini in janhq/jan#4392, CherryHQ's
cherry-studio#1403 and alexanderatallah's; DashScope's in infiniflow/ragflow#5912; vLLM's of Gemma
in vllm-project/vllm#2964; Mistral's in nomtek/mistralai_client_dart#44; DeepSeek's in
deepseek-ai/DeepSeek-V3#1053.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest

from stormproof.cli import main
from stormproof.emulator import Emulation, emulated_key, emulator_process
from stormproof.plan import expand, load_pool

pytestmark = pytest.mark.anyio

KEY = "sk-marked-7f3a91c2"
Server = Callable[..., AbstractAsyncContextManager[Any]]
Body = dict[str, Any]
USAGE = {"prompt_tokens": 40, "completion_tokens": 5}


class Refusal(Exception):
    """A status and a body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def error(message: str, code: str = "unsupported_value", status: int = 400) -> Refusal:
    return Refusal(status, {"error": {"message": message, "code": code, "param": None}})


def said(body: Body) -> dict[str, Any]:
    """What any model says: two calls at once where there are tools, else a word."""
    last = body["messages"][-1]["role"]
    if not body.get("tools") or last == "tool":
        return {"role": "assistant", "content": "Aye."}
    calls = [
        {"id": f"c{n}", "type": "function",
         "function": {"name": "get_temperature", "arguments": json.dumps({"city": city})}}
        for n, city in enumerate(("Oslo", "Lima"))
    ]  # fmt: skip
    return {"role": "assistant", "content": None, "tool_calls": calls}


def service(
    check: Callable[[Body], None], path: str = "/v1/chat/completions", **headers: str
) -> Any:
    """A script that refuses as `check` says, and else answers, streaming where it is asked to."""

    async def script(exchange: Any) -> None:
        if exchange.path != path:
            await exchange.answer(404, b"<html>Not found</html>", content_type="text/html")
            return
        body = exchange.body
        try:
            check(body)
        except Refusal as refusal:
            await exchange.answer(refusal.status, refusal.body)
            return
        message = said(body)
        end = "tool_calls" if message.get("tool_calls") else "stop"
        if body.get("stream"):
            choice = {"index": 0, "delta": message, "finish_reason": end}
            chunk = {"model": "served", "choices": [choice], "usage": USAGE}
            events = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
            await exchange.answer(200, events, content_type="text/event-stream")
        else:
            choice = {"index": 0, "message": message, "finish_reason": end}
            value = {"model": "served", "choices": [choice], "usage": USAGE}
            await exchange.answer(200, value, **headers)

    return script


# --- the services --------------------------------------------------------------------------


def o1_mini(body: Body) -> None:
    unsupported = "Unsupported parameter: 'max_tokens' is not supported with this model."
    if "max_tokens" in body:
        raise error(f"{unsupported} Use 'max_completion_tokens' instead.", "unsupported_parameter")
    if body["messages"][0]["role"] == "system":
        raise error(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        )
    if body.get("temperature", 1) != 1:
        raise error(
            "Unsupported value: 'temperature' does not support 0.0 with this model. "
            "Only the default (1) value is supported."
        )


def qwq(body: Body) -> None:
    if not body.get("stream"):
        raise error(
            "This model only support stream mode, please enable the stream parameter to access "
            "the model. ", "invalid_parameter_error",
        )  # fmt: skip


def gemma(body: Body) -> None:
    if body["messages"][0]["role"] == "system":
        plain = {"object": "error", "message": "System role not supported", "code": 400}
        raise Refusal(400, plain | {"type": "BadRequestError", "param": None})
    if body.get("tools"):
        tools = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'
        raise Refusal(400, {"object": "error", "message": f"{tools} to be set", "code": 400})


def mistral(body: Body) -> None:
    if "seed" in body:
        extra = {"type": "extra_forbidden", "loc": ["body", "seed"], "input": 5}
        detail = {"detail": [extra | {"msg": "Extra inputs are not permitted"}]}
        raise Refusal(422, {"object": "error", "message": detail, "code": None})


def deepseek(body: Body) -> None:
    for index, message in enumerate(body["messages"]):
        if message.get("tool_calls") and "reasoning_content" not in message:
            raise error(
                "Missing `reasoning_content` field in the assistant message at message index "
                f"{index}.", "invalid_request_error",
            )  # fmt: skip


def terse(body: Body) -> None:
    if "seed" in body:
        raise error("Bad request.", "bad_request")


def capped(body: Body) -> None:
    if body.get("max_tokens", 0) > 8192:
        raise error("Range of max_tokens should be [1, 8192]", "invalid_parameter_error")


def old_stream(body: Body) -> None:
    if "stream_options" in body:
        raise error("Unrecognized request argument supplied: stream_options", "unknown")


def anything(_: Body) -> None:
    """Refuses nothing."""


POOL = """\
# my pool; every word of this stays
[providers.house]
base_url = "{url}"   # where it is
keys = {{ a = "env:HOUSE_KEY" }}

[models.m]  # the model
provider = "house"
{lines}
price_in = 1.0
price_out = 2.0
"""


async def probed(
    path: Path, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, dict[str, Any], str]:
    """Exit code, what it says as JSON, and its talk."""
    command = ["probe", "--pool", str(path), "--json", *words]
    code = await anyio.to_thread.run_sync(main, command)
    printed = capsys.readouterr()
    return code, json.loads(printed.out), printed.err


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", KEY)


CASES: dict[str, tuple[Any, str, list[str], dict[str, Any]]] = {
    "o1-mini": (
        service(o1_mini),
        "max_tokens = 300\nparameters = { temperature = 0.0, top_p = 1.0 } # ours",
        ['parameters = { temperature = "", top_p = 1.0 } # ours', "max_completion_tokens = 300",
         'system_role = "user"'],
        {"token_limit": "max_completion_tokens", "system_role": "refused", "seed": "taken"},
    ),
    "only streams": (
        service(qwq), "", ["stream = true"],
        {"native_tools": "used", "parallel_calls": 2, "usage_counted": True},
    ),
    "gemma": (
        service(gemma), "", ['system_role = "user"'],
        {"native_tools": "refused", "system_role": "refused"},
    ),
    "mistral": (
        service(mistral), "", ['parameters = {seed = ""}'],
        {"seed": "refused", "native_tools": "used", "reasoning": "none seen"},
    ),
    "deepseek": (
        service(deepseek, **{"x-ratelimit-limit-requests": "600"}), "", [],
        {"reasoning": "must come back", "parallel_calls": 2, "served_model": "served"},
    ),
    "says nothing": (service(terse), "", ['parameters = {seed = ""}'], {"seed": "refused"}),
    "takes less": (service(capped), "max_tokens = 20000", ["max_tokens = 8192"], {}),
    "no usage in streams": (
        service(old_stream), "stream = true", ['parameters = {stream_options = ""}'], {},
    ),
    "nothing to mend": (service(anything), "", [], {"seed": "taken", "token_limit": "max_tokens"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_what_is_refused_is_found_told_and_mended(
    case: tuple[Any, str, list[str], dict[str, Any]],
    tmp_path: Path,
    loopback: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    script, lines, mends, known = case
    path = tmp_path / "pool.toml"
    async with loopback(script) as server:
        before = POOL.format(url=f"{server.url}/v1", lines=lines)
        path.write_text(before)
        code, told, talk = await probed(path, capsys)
        (found,) = told["endpoints"]
        assert code == 0
        assert found["calls"] == len(server.exchanges) <= 6
        assert sorted(line for line in told["lines"] if line[0] != "[") == sorted(mends)
        assert {name: found[name] for name in known} == known
        assert (found["reachable"], found["credentials"]) == (True, "accepted")
        assert "at most 6 calls" in talk
        assert "by the pool file's prices" in talk
        assert path.read_text() == before

        code, *_ = await probed(path, capsys, "--write")
        after = path.read_text()
        assert after.endswith("\n")
        assert set(before.splitlines()) - set(after.splitlines()) <= set(lines.splitlines())
        assert [line for line in after.splitlines() if "#" in line][:2] == [
            "# my pool; every word of this stays",
            f'base_url = "{server.url}/v1"   # where it is',
        ]
        code, told, _ = await probed(path, capsys)
        assert (code, told["lines"], told["endpoints"][0]["mends"]) == (0, [], [])
        assert KEY not in json.dumps(told) + after


async def test_limits_in_headers_are_told_in_words(
    tmp_path: Path, loopback: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pool.toml"
    async with loopback(CASES["deepseek"][0]) as server:
        path.write_text(POOL.format(url=f"{server.url}/v1", lines=""))
        await anyio.to_thread.run_sync(main, ["probe", "--pool", str(path)])
    said_of = capsys.readouterr().out
    for words in (
        "m  (house, deployment m)", "600 rpm in headers", "used, 2 at once",
        "model served   served",
        "must come back with tool calls; a run sends it back", "usage          counted",
    ):  # fmt: skip
        assert words in said_of


async def test_an_address_without_its_version(
    tmp_path: Path, loopback: Server, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    path = tmp_path / "pool.toml"
    async with loopback(service(anything)) as server:
        path.write_text(POOL.format(url=server.url, lines=""))
        code, told, _ = await probed(path, capsys, "--write")
        assert code == 0
        assert told["lines"] == [
            "[providers.house]",
            f'base_url = "{server.url}/v1"   # where it is',
        ]
        assert expand(load_pool(path))[0].base_url == f"{server.url}/v1"
        monkeypatch.setenv("HOUSE", server.url)
        path.write_text(POOL.format(url="env:HOUSE", lines=""))
        _, told, _ = await probed(path, capsys)
        assert (told["lines"], told["by_hand"]) == ([], ["append /v1 to the address in HOUSE"])


@pytest.mark.parametrize(
    ("refusal", "credentials"),
    [(error("Incorrect API key provided.", "invalid_api_key", 401), "refused"), (None, "unknown")],
)
async def test_what_cannot_be_mended_is_told_with_its_reason(
    refusal: Refusal | None,
    credentials: str,
    tmp_path: Path,
    loopback: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuses(_: Body) -> None:
        if refusal:
            raise refusal

    path = tmp_path / "pool.toml"
    async with loopback(service(refuses)) as server:
        url = f"{server.url}/v1" if refusal else "http://127.0.0.1:9/v1"
        path.write_text(POOL.format(url=url, lines=""))
        code, told, _ = await probed(path, capsys)
    (found,) = told["endpoints"]
    assert code == 1
    assert (found["credentials"], found["reachable"]) == (credentials, refusal is not None)
    assert found["trouble"]
    assert found["calls"] <= 2


TWO = """\
[providers.house]
base_url = "{one}/v1"
keys = ["env:HOUSE_KEY"]
[providers.other]
base_url = "{two}/v1"
keys = ["env:HOUSE_KEY"]
[models.m]
deployments = [
  {{ name = "m", provider = "house" }}, # the good one
  {{ name = "m", provider = "other" }},
]
"""


async def test_only_the_deployment_that_refuses_is_mended(
    tmp_path: Path, loopback: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pool.toml"
    async with loopback(service(anything)) as one, loopback(service(mistral)) as two:
        path.write_text(TWO.format(one=one.url, two=two.url))
        code, told, _ = await probed(path, capsys, "--write")
    assert code == 0
    house, other = expand(load_pool(path))
    assert (house.parameters, other.parameters) == ({}, {"seed": ""})
    assert "# the good one" in path.read_text()
    assert [line for line in told["lines"] if "other" in line] != []


async def test_the_emulator_is_asked_and_takes_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pool.toml"
    path.write_text(POOL.format(url="https://unused.example/v1", lines=""))
    monkeypatch.setenv("HOUSE_KEY", emulated_key("env:HOUSE_KEY"))
    async with emulator_process(Emulation(expand(load_pool(path)))) as url:
        path.write_text(POOL.format(url=f"{url}/house/v1", lines=""))
        code, told, _ = await probed(path, capsys)
    (found,) = told["endpoints"]
    assert (code, told["lines"], found["trouble"]) == (0, [], "")
    assert (found["served_model"], found["seed"], found["calls"] <= 3) == ("m", "taken", True)
