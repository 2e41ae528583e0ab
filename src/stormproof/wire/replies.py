"""Reading a chat completion: all that can be read of it, however a server has bent the form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stormproof.domain.calls import Reply, ToolCall, Usage
from stormproof.wire.finish_reasons import finish_reason

EMULATOR_MARK = "stormproof-emulator"
LONGEST_RAW = 262_144  # bytes kept of a body that could not be read whole

_decode = msgspec.json.Decoder().decode


class Unreadable(Exception):
    """The body is not JSON at all."""


def load(body: bytes) -> tuple[Any, bool]:
    """The body's JSON value, and whether it was well-formed. Raises `Unreadable`.

    A reply that was paid for is rescued from what strict JSON forbids: stray surrogates of an
    emoji cut in half, raw control characters, a byte order mark, bytes that are not UTF-8.
    """
    try:
        return _decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = body.decode("utf-8-sig", "replace")
        # Written out and read again, each stray surrogate turns into "?" in one place.
        loose = json.dumps(json.loads(text, strict=False), ensure_ascii=False)
        return _decode(loose.encode("utf-8", "replace")), False
    except (ValueError, RecursionError):
        raise Unreadable from None


def as_raw(body: bytes) -> str:
    """A body as text, to be kept; at most `LONGEST_RAW` bytes of it."""
    return body[:LONGEST_RAW].decode("utf-8", "replace")


def read_reply(value: Mapping[str, Any], body: bytes, *, whole: bool = True) -> Reply | None:
    """The reply in a chat completion's JSON, or None where there is no choice to read.

    `raw` is set when a part had an unknown form, or when the body was not well-formed.
    """
    choices = value.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if isinstance(choice, dict) and message is None and choice.get("finish_reason"):
        message = {}  # a filter, or a call that the service could not read, left nothing
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    reading = _Reading(message)
    return Reply(
        text=reading.text(),
        tool_calls=reading.tool_calls(),
        reasoning=reading.reasoning(),
        finish_reason=finish_reason(choice.get("finish_reason")),
        usage=read_usage(value),
        served_model=_string(value.get("model")),
        raw="" if whole and reading.whole else as_raw(body),
        simulated=value.get("system_fingerprint") == EMULATOR_MARK,
    )


class _Reading:
    """One message, part by part; `whole` turns false at a part of unknown form."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message
        self.whole = True  # false for good from the first part of unknown form on

    def text(self) -> str:
        """What the model said to the user; a refusal in its own field is what it said too."""
        content = self._message.get("content")
        said = content if isinstance(content, str) else "".join(self._parts(content))
        return said or _string(self._message.get("refusal"))

    def reasoning(self) -> str:
        """Thinking that a server took out of the text (DeepSeek, Qwen, vLLM, OpenRouter)."""
        return _string(self._message.get("reasoning_content")) or _string(
            self._message.get("reasoning")
        )

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Native calls; the old `function_call` is one of them."""
        calls = self._message.get("tool_calls") or ()
        if not isinstance(calls, list | tuple):
            self.whole = False
            calls = ()
        if not calls and isinstance(self._message.get("function_call"), dict):
            calls = ({"function": self._message["function_call"]},)
        read = (self._call(number, call) for number, call in enumerate(calls))
        return tuple(call for call in read if call is not None)

    def _parts(self, content: Any) -> Iterator[str]:
        if content is None:
            return
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
            elif isinstance(part, dict) and isinstance(part.get("refusal"), str):
                yield part["refusal"]
            elif isinstance(part, str):
                yield part
            else:
                self.whole = False

    def _call(self, number: int, call: Any) -> ToolCall | None:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            self.whole = False
            return None
        arguments = function.get("arguments")
        if not isinstance(arguments, str):  # some servers send the object itself
            arguments = "" if arguments is None else msgspec.json.encode(arguments).decode()
        # An answer to a call names it, so a call without an id is given one.
        return ToolCall(_string(call.get("id")) or f"call_{number}", function["name"], arguments)


def read_usage(value: Mapping[str, Any]) -> Usage:
    """What a body says it cost; nothing where it does not say."""
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    return Usage(_tokens(usage.get("prompt_tokens")), _tokens(usage.get("completion_tokens")))


def _tokens(count: Any) -> int:
    return int(count) if isinstance(count, int | float) and 0 <= count < 2**53 else 0


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
