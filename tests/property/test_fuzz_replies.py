"""Whatever a provider sends is a verdict, and whatever a model says is read: no exception, soon."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.calls import Denied, Ok, Refused, Rejected, Transient
from stormproof.episode import catalogue_vocabulary, recognise
from stormproof.suites.workflows.tools import CATALOGUE
from stormproof.wire.classify import classify

FUZZ = int(os.environ.get("FUZZ", "1"))  # times as many inputs as usual; torture has 40

texts = st.text(st.characters(codec="utf-8"), max_size=30)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def maybe(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A table whose fields may each be missing, what they should be, or anything."""
    return st.fixed_dictionaries({}, optional={k: v | anything for k, v in fields.items()})


tool_call = maybe(id=texts, type=st.just("function"), function=maybe(name=texts, arguments=texts))
message = maybe(
    role=st.just("assistant"),
    content=texts | st.lists(maybe(type=st.just("text"), text=texts)),
    reasoning_content=texts,
    tool_calls=st.lists(tool_call, max_size=3),
    refusal=texts,
)
reasons = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "error"])
choice = maybe(index=st.just(0), message=message, finish_reason=reasons)
usage = maybe(prompt_tokens=st.integers(), completion_tokens=st.integers())
bodies = maybe(
    choices=st.lists(choice, max_size=2),
    usage=usage,
    model=texts,
    system_fingerprint=texts,
    error=maybe(code=texts | st.integers(), message=texts, type=texts),
)


@st.composite
def sent(draw: st.DrawFn) -> bytes:
    """JSON of the expected form or not, whole or cut, or no JSON."""
    body = json.dumps(draw(bodies)).encode()
    match draw(st.integers(0, 5)):
        case 0:
            return draw(st.binary(max_size=80))
        case 1:
            return body[: draw(st.integers(0, len(body)))]
        case 2:
            at = draw(st.integers(0, len(body)))
            return body[:at] + draw(st.binary(max_size=3)) + body[at + 1 :]
    return body


statuses = st.sampled_from([200, 204, 301, 400, 401, 404, 408, 429, 500, 503, 529])
HEADERS = ["retry-after", "retry-after-ms", "x-ratelimit-remaining-requests",
           "x-ratelimit-reset-requests", "x-ratelimit-limit-tokens", "content-type"]  # fmt: skip
WAITS = ["0", "-1", "864000", "1e400", "nan", "1h2m3s", "6ms", "garbage", "",
         "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 99999 25:61:61 GMT"]  # fmt: skip
told = st.sampled_from(WAITS)
headers = st.dictionaries(st.sampled_from(HEADERS), told | texts | st.floats().map(str))


@settings(max_examples=200 * FUZZ, deadline=None)
@given(statuses | st.integers(100, 599), headers, sent())
def test_any_answer_is_a_verdict(status: int, given_headers: dict[str, str], body: bytes) -> None:
    verdict = classify(status, given_headers, body, 1.7e9)
    match verdict:
        case Ok(reply=reply):
            assert 200 <= status < 300
            assert reply.usage.prompt_tokens >= 0
            assert reply.usage.completion_tokens >= 0
            json.dumps(reply.text).encode("utf-8", "strict")
        case Refused(retry_after_s=wait) | Transient(retry_after_s=wait):
            assert wait is None or 0 <= wait < 1e12
            assert verdict.reason
        case Rejected(reason=reason) | Denied(reason=reason):
            assert reason


NAMES = sorted(CATALOGUE)
VOCABULARY = catalogue_vocabulary()
PIECES = [
    "<tool_call>", "</tool_call>", "<tool_search>", "</tool_search>", "<tool_info>", "<think>",
    "</think>", "<TOOL_CALL", "<|tool_call|>", "[TOOL_CALLS]", "[ARGS]", "to=functions.",
    "<|channel|>analysis", "<|message|>", "<\uff5cDSML\uff5cinvoke name=", "<arg_key>", "&quot;",
    "```tool_code\n", "```json\n", "```", '{"name": "',
    '", "arguments": {', "}}", "}", "{", "[", "(", ")", '"', "'", "\\", "=", ",", ":", "\n", " ",
    "TASK COMPLETE", "<invoke name=", "<parameter>", "&lt;", "\x00", "\u202e", "1e999", *NAMES[:6],
]  # fmt: skip
messages = st.lists(st.sampled_from(PIECES) | texts, max_size=25).map("".join)


@settings(max_examples=200 * FUZZ, deadline=None)
@given(messages)
def test_any_message_is_read(text: str) -> None:
    found = recognise(text, VOCABULARY)
    assert len(found.tool_calls) <= 64
    assert (found.action == "call") == bool(found.tool_calls)
    assert recognise(text, VOCABULARY) == found


LONG_S = 10.0  # generous: quadratic would take minutes


@pytest.mark.parametrize("piece", PIECES)
def test_no_repetition_takes_long(piece: str) -> None:
    start = time.perf_counter()
    recognise(piece * (200_000 // len(piece)), VOCABULARY)
    assert time.perf_counter() - start < LONG_S
