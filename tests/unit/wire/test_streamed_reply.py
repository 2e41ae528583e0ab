"""Streams of many servers' make, and the reply that each of them means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.calls import Ok, Rejected, ToolCall, Transient, Usage, Verdict
from stormproof.wire.classify import classify
from stormproof.wire.streamed_reply import StreamedReply

END = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 5, "completion_tokens": 2}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {"id": "c", "model": "served", "object": "chat.completion.chunk", "choices": choices}
    return b"data: " + json.dumps(value | more).encode() + b"\n\n"


def read(*parts: bytes) -> StreamedReply:
    stream = StreamedReply()
    for part in parts:
        stream.feed(part)
    return stream


def verdict(*parts: bytes) -> Verdict:
    return classify(200, {}, read(*parts).body(), 0)


def test_texts_grow_and_the_usage_comes_last() -> None:
    stream = read(
        b": keep-alive\n\n",
        chunk({"role": "assistant", "content": "", "reasoning_content": None}),
        chunk({"reasoning_content": "Thin"}), chunk({"reasoning_content": "king"}),
        chunk({"content": "He"}, usage=None), chunk({"content": "llo"}), chunk({}, "stop"),
        chunk(usage=USAGE), END,
    )  # fmt: skip
    got = classify(200, {}, stream.body(), 0)
    assert isinstance(got, Ok)
    reply = got.reply
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("Hello", "Thinking", "stop")
    assert (reply.usage, reply.served_model) == (Usage(5, 2), "served")
    assert stream.is_whole
    assert stream.is_done


def call(index: int | None = None, arguments: str = "", **named: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | {k: v for k, v in named.items() if k == "name"}
    place = {} if index is None else {"index": index}
    return place | {k: v for k, v in named.items() if k != "name"} | {"function": function}


CALLS = {
    "by index": [
        call(0, id="a", name="f", type="function"), call(0, '{"x":'), call(0, " 1}"),
        call(1, id="b", name="g", type="function"), call(1, "{}"),
    ],
    "woven": [
        call(0, id="a", name="f"), call(1, id="b", name="g"), call(1, "{"), call(0, '{"x": 1'),
        call(1, "}"), call(0, "}"),
    ],
    "id and name with every piece": [
        call(0, '{"x":', id="a", name="f"), call(0, " 1}", id="a", name="f"),
        call(1, "{}", id="b", name="g"),
    ],
    "whole and all under index 0": [
        call(0, '{"x": 1}', id="a", name="f"), call(0, "{}", id="b", name="g"),
    ],
    "no index": [
        call(None, "", id="a", name="f"), call(None, '{"x": 1}'),
        call(None, "{}", id="b", name="g"),
    ],
    "empty ids behind the first": [
        call(0, '{"x":', id="a", name="f"), call(0, " 1}", id="", name=""),
        call(1, "{}", id="b", name="g"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("pieces", CALLS.values(), ids=CALLS)
def test_tool_calls_in_pieces(pieces: list[dict[str, Any]]) -> None:
    chunks = [chunk({"tool_calls": [piece]}) for piece in pieces]
    for cut in (chunks, [chunk({"tool_calls": pieces})]):
        got = verdict(*cut, chunk({}, "tool_calls"), END)
        assert isinstance(got, Ok)
        assert got.reply.tool_calls == (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "{}"))


def test_fields_that_nobody_knows_are_kept_as_they_came() -> None:
    signed = {"google": {"thought_signature": "s"}}
    delta = {"tool_calls": [call(0, "{}", id="a", name="f", extra_content=signed)], "d": [{"t": 1}]}
    body = json.loads(read(chunk(delta), chunk({"d": [{"t": 2}]}, "stop")).body())
    message = body["choices"][0]["message"]
    assert message["tool_calls"][0]["extra_content"] == signed
    assert message["d"] == [{"t": 1}, {"t": 2}]


def test_usage_in_the_choice_and_a_message_that_closes_the_stream() -> None:
    last = {"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop", "usage": USAGE}
    got = verdict(chunk({"content": "He"}), chunk(choices=[last]))
    assert isinstance(got, Ok)
    assert (got.reply.text, got.reply.usage) == ("Hello", Usage(5, 2))


@pytest.mark.parametrize(
    "error",
    [
        chunk(error={"code": 400, "message": "context length"}),
        b'event: error\ndata: {"code": 400, "message": "context length"}\n\n',
        chunk(choices=[{"error": {"code": 400, "message": "context length"}}]),
    ],
)
def test_an_error_in_the_stream_is_judged_like_one_that_came_whole(error: bytes) -> None:
    got = verdict(chunk({"content": "He"}), error, END)
    assert isinstance(got, Rejected)
    assert "context length" in got.reason


def test_an_error_that_is_no_json_is_passing() -> None:
    got = verdict(chunk({"content": "He"}), b"event: error\ndata: upstream went away\n\n")
    assert isinstance(got, Transient)
    assert "upstream went away" in got.reason


def test_a_stream_is_whole_with_its_end_mark_or_with_an_end_to_each_choice() -> None:
    assert not read(chunk({"content": "a"})).is_whole
    assert not read(b": ping\n\n", chunk(), chunk({"role": "assistant", "content": ""})).has_begun
    assert read(chunk({"reasoning_content": "hm"})).has_begun
    assert read(chunk({"content": "a"}, "stop")).is_whole
    assert read(chunk({"content": "a"}), END).is_whole


def test_what_is_held_is_the_reply_and_not_its_frames() -> None:
    text = "four"
    stream = read(*[chunk({"content": text, "reasoning_content": None}) for _ in range(5_000)])
    assert 20_000 <= stream.held < 21_000
    hostile = read(*[chunk({"content": [{}] * 100}) for _ in range(100)])
    assert hostile.held > 100 * 100 * 64
    assert read(b"data: " + b"x" * 5_000).held > 5_000


def test_an_emoji_that_was_cut_in_half_between_chunks_is_put_together() -> None:
    halves = (rb"\ud83d", rb"\ude00")
    parts = [chunk({"content": "X"}).replace(b"X", half) for half in halves]
    got = verdict(chunk({"content": "a"}), *parts, chunk({"content": "b"}, "stop"))
    assert isinstance(got, Ok)
    assert (got.reply.text, got.reply.raw) == ("a\U0001f600b", "")
    lost = verdict(parts[0], chunk({"content": "b", "id": "X"}, "stop").replace(b"X", halves[0]))
    assert isinstance(lost, Ok)
    assert lost.reply.text == "\ufffdb"


names = st.sampled_from(
    ["choices", "delta", "message", "index", "id", "name", "content", "tool_calls", "function",
     "arguments", "finish_reason", "usage", "error", "model"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(names, json_values, max_size=4), max_size=5), st.binary(max_size=9))
def test_whatever_comes_there_is_a_body_and_a_verdict(
    values: list[dict[str, Any]], noise: bytes
) -> None:
    deltas = [
        chunk(v) if i % 2 else b"data: " + json.dumps(v).encode() + b"\n"
        for i, v in enumerate(values)
    ]
    stream = read(noise, *deltas, noise)
    assert stream.held >= 0
    classify(200, {}, stream.body(), 0)


@pytest.mark.parametrize("depth", [400, 900, 100_000])
def test_what_is_nested_beyond_reason_ends_nothing(depth: int) -> None:
    deep = b'data: {"choices":[{"delta":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}]}\n\n"
    stream = read(deep, chunk({"content": "b"}, "stop"))
    assert stream.is_whole
    classify(200, {}, stream.body(), 0)
