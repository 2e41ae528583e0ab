from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stormproof.domain.calls import Message, Request, ToolCall
from stormproof.domain.pool import Endpoint
from stormproof.wire.dialects import encode, fixed_parts

OPENAI = Endpoint(
    endpoint_id="e",
    number=0,
    model="DeepSeek-V3-0324",
    provider="p",
    dialect="openai",
    base_url="https://api.example/v1",
    deployment="DeepSeek-V3-0324-2",
    key="env:KEY",
)
AZURE = msgspec.structs.replace(
    OPENAI, dialect="azure", base_url="https://x.openai.azure.com", api_version="2024-10-21"
)
VALUES = {"env:KEY": "secret-a", "env:HEADER": "secret-b", "env:CODE": "secret c"}
ASKED = Request("trial", 0, "DeepSeek-V3-0324", (Message("user", "hé"),))


def body(parameters: dict[str, object] | None = None, **asked: Any) -> dict[str, Any]:
    line = fixed_parts(msgspec.structs.replace(OPENAI, parameters=parameters or {}), VALUES)
    value: dict[str, Any] = json.loads(encode(line, msgspec.structs.replace(ASKED, **asked)))
    return value


def test_the_deployment_is_asked_for_and_nothing_else_is_added() -> None:
    assert body() == {
        "model": "DeepSeek-V3-0324-2",
        "messages": [{"role": "user", "content": "hé"}],
    }


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.example/v1", "https://api.example/v1/chat/completions"),
        ("https://api.example/v1/", "https://api.example/v1/chat/completions"),
        ("http://[::1]:80/a/b", "http://[::1]:80/a/b/chat/completions"),
        ("https://api.example/v1/chat/completions", "https://api.example/v1/chat/completions"),
    ],
)
def test_an_openai_address(base_url: str, url: str) -> None:
    line = fixed_parts(msgspec.structs.replace(OPENAI, base_url=base_url), VALUES)
    assert line.url == url
    assert line.headers == {"authorization": "Bearer secret-a"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({}, "/openai/deployments/DeepSeek-V3-0324-2/chat/completions?api-version=2024-10-21"),
        (
            {"base_url": "https://x.openai.azure.com/openai/", "deployment": "a b/c?"},
            "/openai/deployments/a%20b%2Fc%3F/chat/completions?api-version=2024-10-21",
        ),
        (
            {"base_url": "https://x.openai.azure.com/openai/v1", "api_version": ""},
            "/openai/v1/chat/completions",
        ),
        (  # as Azure's portal shows it
            {
                "base_url": "https://x.openai.azure.com/openai/deployments/g/chat/completions"
                "?api-version=2025-01-01",
                "api_version": "",
                "deployment": "g",
            },
            "/openai/deployments/g/chat/completions?api-version=2025-01-01",
        ),
        (  # Azure AI Foundry
            {"base_url": "https://x.openai.azure.com/models", "api_version": "2024-05-01-preview"},
            "/models/chat/completions?api-version=2024-05-01-preview",
        ),
    ],
)
def test_an_azure_address(changes: dict[str, Any], path: str) -> None:
    line = fixed_parts(msgspec.structs.replace(AZURE, **changes), VALUES)
    assert line.url == "https://x.openai.azure.com" + path
    assert line.headers == {"api-key": "secret-a"}


def test_seed_limit_and_tools_are_written_when_asked_for() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    asked = body(seed=5, max_tokens=64, tools=(tool,))
    assert (asked["seed"], asked["max_tokens"], asked["tools"]) == (5, 64, [tool])


def test_parameters_win_over_the_request_and_may_add_anything() -> None:
    asked = body({"temperature": 0.0, "max_tokens": 9, "extra": {"a": [1]}}, max_tokens=64)
    assert (asked["temperature"], asked["max_tokens"], asked["extra"]) == (0.0, 9, {"a": [1]})


def test_max_completion_tokens_takes_the_place_of_max_tokens() -> None:
    asked = body({"max_completion_tokens": 4096}, max_tokens=64)
    assert asked["max_completion_tokens"] == 4096
    assert "max_tokens" not in asked


def test_the_system_message_begins_the_users_first_one_where_none_is_taken() -> None:
    endpoint = msgspec.structs.replace(OPENAI, system_role="user")
    system, user, said = Message("system", "S"), Message("user", "U"), Message("assistant", "A")
    for messages, roles, first in (
        ((system, user, said, user), ["user", "assistant", "user"], "S\n\nU"),
        ((system, said), ["user", "assistant"], "S"),
        ((user, said), ["user", "assistant"], "U"),
    ):
        asked = msgspec.structs.replace(ASKED, messages=messages)
        sent = json.loads(encode(fixed_parts(endpoint, VALUES), asked))["messages"]
        assert [message["role"] for message in sent] == roles
        assert sent[0]["content"] == first


def test_a_stream_is_asked_for_with_its_usage() -> None:
    endpoint = msgspec.structs.replace(OPENAI, stream=True)
    sent = json.loads(encode(fixed_parts(endpoint, VALUES), ASKED))
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    spare = msgspec.structs.replace(endpoint, parameters={"stream_options": ""})
    assert "stream_options" not in json.loads(encode(fixed_parts(spare, VALUES), ASKED))


def test_headers_and_query_of_the_pool_go_with_each_request() -> None:
    endpoint = msgspec.structs.replace(
        OPENAI,
        base_url="https://api.example/v1?region=eu",
        headers={"X-Team": "a", "X-Code": "env:HEADER"},
        query={"api-version": "2024-05-01-preview", "code": "env:CODE"},
    )
    parts = fixed_parts(endpoint, VALUES)
    assert parts.url == (
        "https://api.example/v1/chat/completions"
        "?region=eu&api-version=2024-05-01-preview&code=secret%20c"
    )
    own = {"x-team": "a", "x-code": "secret-b"}
    assert parts.headers == {"authorization": "Bearer secret-a"} | own
    named = msgspec.structs.replace(OPENAI, headers={"Authorization": "env:HEADER"})
    assert fixed_parts(named, VALUES).headers == {"authorization": "secret-b"}


def test_an_empty_parameter_leaves_its_field_out() -> None:
    assert "seed" not in body({"seed": ""}, seed=5)


@pytest.mark.parametrize("name", ["model", "messages", "tools"])
def test_what_the_episode_says_cannot_be_overruled(name: str) -> None:
    assert body({name: True}) == body()


def test_native_calls_and_their_answers() -> None:
    call = ToolCall("c1", "f", '{"a": 1}')
    messages = (Message("assistant", "", (call,)), Message("tool", "42", tool_call_id="c1"))
    assert body(messages=messages)["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a": 1}'},
                }
            ],
        },
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]


def test_an_empty_message_still_has_content() -> None:
    assert body(messages=(Message("assistant", ""),))["messages"] == [
        {"role": "assistant", "content": ""}
    ]


def test_half_an_emoji_in_a_tools_text_does_not_stop_a_call() -> None:
    sent = encode(fixed_parts(OPENAI, VALUES), msgspec.structs.replace(ASKED, messages=(
        Message("user", "cut \ud83d"), Message("assistant", "", (ToolCall("c", "f", "{}"),))
    )))  # fmt: skip
    assert b"cut \\ud83d" in sent
    assert json.loads(sent)["messages"][1]["tool_calls"][0]["id"] == "c"
