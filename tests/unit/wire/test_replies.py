from __future__ import annotations

import json
from typing import Any

import pytest

from stormproof.domain.calls import Reply, ToolCall, Usage
from stormproof.wire.replies import LONGEST_RAW, Unreadable, as_raw, load, read_reply


def read(message: dict[str, Any], **rest: Any) -> Reply:
    value = {"choices": [{"message": message, "finish_reason": "stop"}], **rest}
    reply = read_reply(value, json.dumps(value).encode())
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        (["a", "b"], "ab"),
        ({"type": "text", "text": "a"}, "a"),
        ([{"type": "refusal", "refusal": "no"}], "no"),
        ([], ""),
    ],
)
def test_content_in_its_forms(content: Any, text: str) -> None:
    reply = read({"content": content})
    assert reply.text == text
    assert reply.raw == ""


def test_a_refusal_in_its_own_field_is_what_the_model_said() -> None:
    assert read({"content": None, "refusal": "I will not."}).text == "I will not."


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(field: str) -> None:
    assert read({"content": "x", field: "hm"}) == Reply("x", reasoning="hm", finish_reason="stop")


def test_native_calls_in_their_forms() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"function": {"name": "g", "arguments": {"a": [1]}}},
        {"id": "c3", "function": {"name": "h"}},
    ]
    assert read({"content": None, "tool_calls": calls}).tool_calls == (
        ToolCall("c1", "f", '{"a": 1}'),
        ToolCall("", "g", '{"a":[1]}'),
        ToolCall("c3", "h", ""),
    )


FLAT = {"name": "f", "arguments": '{"a": 1}'}


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [FLAT]},
        {"tool_calls": FLAT},
        {"tool_calls": {"function": FLAT}},
        {"tool_calls": [{"function": {"name": "f", "parameters": {"a": 1}}}]},
        {"tool_calls": [{"name": "f", "args": {"a": 1}}]},
        {"tool_calls": [{"function": "f", "arguments": {"a": 1}}]},
        {"tool_calls": [{"name": "f", "function": {"name": None, "arguments": {"a": 1}}}]},
        {"function_call": FLAT},
        {"content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}]},
    ],
)
def test_a_bent_call_is_a_call(message: dict[str, Any]) -> None:
    reply = read({"content": None, **message})
    [call] = reply.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("f", {"a": 1})
    assert reply.raw == ""


def test_a_name_may_stand_in_an_id() -> None:
    call = {"id": "functions.f:0", "function": {"name": None, "arguments": "{}"}}
    assert read({"tool_calls": [call]}).tool_calls == (ToolCall("functions.f:0", "f", "{}"),)


@pytest.mark.parametrize("call", [{"function": {"name": None, "arguments": "{}"}}, "f()", 5])
def test_a_call_without_a_name_is_kept_for_the_count(call: Any) -> None:
    reply = read({"content": None, "tool_calls": [call]})
    assert [each.name for each in reply.tool_calls] == [""]
    assert reply.raw


def test_words_and_calls_may_come_in_two_choices() -> None:
    words = {"message": {"content": "I read.", "tool_calls": None}, "finish_reason": "stop"}
    calls = {"message": {"content": None, "tool_calls": [FLAT]}, "finish_reason": "tool_calls"}
    value = {"choices": [words, calls]}
    reply = read_reply(value, b"")
    assert reply is not None
    assert (reply.text, reply.finish_reason) == ("I read.", "tool_calls")
    assert reply.tool_calls == (ToolCall("", "f", '{"a": 1}'),)


def test_what_must_come_back_is_carried_and_nothing_else() -> None:
    signed = {"google": {"thought_signature": "s1"}}
    call = {"id": "c", "index": 0, "function": {**FLAT, "signature": "s2"}, "extra_content": signed}
    message = {
        "content": None,
        "tool_calls": [call],
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "reasoning_details": [{"data": "s3"}],
    }
    reply = read(message)
    assert reply.carried == {"reasoning_content": "hm", "reasoning_details": [{"data": "s3"}]}
    assert reply.tool_calls[0].carried == {
        "extra_content": signed, "function": {"signature": "s2"}
    }  # fmt: skip


def test_thoughts_beside_words_are_not_carried() -> None:
    reply = read({"content": "x", "reasoning_content": "hm", "extra_content": {"s": 1}})
    assert reply.carried == {"extra_content": {"s": 1}}


@pytest.mark.parametrize("depth", [19, 50, 5_000])
def test_what_no_record_could_hold_is_not_carried(depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    message = {"tool_calls": [FLAT], "reasoning_details": nested}
    reply = read_reply({"choices": [{"message": message}]}, b"")
    assert reply is not None
    assert bool(reply.carried) == (depth < 20)


def test_the_old_function_call_is_a_call() -> None:
    message = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert read(message).tool_calls == (ToolCall("", "f", "{}"),)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x", "tool_calls": [{"nonsense": 1}]},
        {"content": "x", "tool_calls": "f"},
        {"content": [{"type": "text", "text": "x"}, {"type": "image_url"}]},
    ],
)
def test_a_part_of_unknown_form_keeps_the_body_raw(message: dict[str, Any]) -> None:
    reply = read(message)
    assert reply.text == "x"
    assert json.loads(reply.raw)["choices"][0]["message"] == message


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, Usage(3, 4)),
        ({"prompt_tokens": "3", "completion_tokens": -4}, Usage()),
        ({"prompt_tokens": 1e300, "completion_tokens": 4.0}, Usage(0, 4)),
        ("many", Usage()),
    ],
)
def test_usage_never_costs_a_reply(usage: Any, expected: Usage) -> None:
    assert read({"content": "x"}, usage=usage).usage == expected


def test_the_emulators_mark_makes_a_reply_simulated() -> None:
    assert read({"content": "x"}, system_fingerprint="stormproof-emulator").simulated
    assert not read({"content": "x"}, system_fingerprint="fp_44709d6fcb").simulated


@pytest.mark.parametrize(
    "value",
    [{}, {"choices": None}, {"choices": []}, {"choices": ["x"]}, {"choices": [{"text": "x"}]}],
)
def test_no_choice_is_no_reply(value: dict[str, Any]) -> None:
    assert read_reply(value, b"") is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"t": "cut \\ud83d"}', "cut ?"),
        (b'{"t": "tab\there"}', "tab\there"),
        (b'\xef\xbb\xbf{"t": "bom"}', "bom"),
        (b'{"t": "caf\xe9"}', "caf\ufffd"),
        (b'{"t": NaN}', "NaN"),
        (b'{"t": -Infinity}', "-Infinity"),
        (b'{"t": 1e999}', "1e999"),
        (b'{"t": ' + b"9" * 400 + b'e1, "t": "x", "u": NaN}'.replace(b', "u": NaN', b""), "x"),
    ],
)
def test_what_strict_json_forbids_is_rescued_and_marked(body: bytes, text: str) -> None:
    assert load(body) == ({"t": text}, False)


def test_well_formed_json_is_whole_with_keep_alive_lines_before_it() -> None:
    assert load(b'\n\n\r\n {"t": "x"}') == ({"t": "x"}, True)


@pytest.mark.parametrize("body", [b"", b"{", b"data: {}", b"[" * 100_000, b'{"t": "x"} extra'])
def test_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        load(body)


def test_what_is_kept_raw_is_bounded() -> None:
    assert len(as_raw(b"x" * (LONGEST_RAW + 1))) == LONGEST_RAW
