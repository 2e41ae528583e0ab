from __future__ import annotations

import msgspec
import pytest

from stormproof.domain.calls import Message, Reply, Request, ToolCall, Usage
from stormproof.emulator.chat_completions import as_request, completion, counted, read_chat

BODY = {
    "model": "m-2",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "c", "tool_call_id": "1"},
    ],
    "tools": [{"type": "function"}],
    "max_tokens": 5,
    "logit_bias": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_id", "trial_id", "turn"), [("feed/3/1", "feed", 3), ("", "", 0), ("a/x/1", "a", 0)]
)
def test_a_body_is_read_as_the_request_that_it_is(
    request_id: str, trial_id: str, turn: int
) -> None:
    assert as_request(read_chat(msgspec.json.encode(BODY)), "m", request_id) == Request(
        trial_id,
        turn,
        "m",
        (
            Message("system", "ab"),
            Message("assistant", "", (ToolCall("1", "f", "{}"),)),
            Message("tool", "c", (), "1"),
        ),
        tools=({"type": "function"},),
        max_tokens=5,
    )


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        read_chat(b'{"messages": 3}')


def test_a_reply_is_sent_whole_under_the_emulators_mark() -> None:
    reply = Reply("", (ToolCall("1", "f", "{}"),), finish_reason="tool_calls", usage=Usage(7, 2))
    sent = msgspec.json.decode(completion(reply, "m", "id-1"))
    assert sent["system_fingerprint"] == "stormproof-emulator"
    assert (sent["id"], sent["model"]) == ("id-1", "m")
    assert sent["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    (choice,) = sent["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}


def test_tokens_are_counted_by_length_and_at_least_one_is_written() -> None:
    request = Request("t", 0, "m", (Message("user", "x" * 40),))
    assert counted(request, Reply("")).usage == Usage(14, 1)
    spoken = Reply("x" * 9, (ToolCall("1", "f", "y" * 8),))
    assert counted(request, spoken).usage == Usage(14, 3 + 8 + 2)
