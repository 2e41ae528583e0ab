"""Reading a chat completion: all that can be read of it, however a server has bent the form."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stormproof.domain.calls import Reply, ToolCall, Usage
from stormproof.wire.finish_reasons import finish_reason

EMULATOR_MARK = "stormproof-emulator"
LONGEST_RAW = 262_144  # bytes kept of a body that could not be read whole

_SAFE_DIGITS = 18  # of an integer that 64 bits hold
_MOST_LEVELS = 20  # of what is carried; no server nests as deep
_CARRIED = re.compile(r"signature|extra_content|provider_specific", re.IGNORECASE)
_CARRIED_WITH_CALLS = re.compile(
    r"reasoning|thinking|thought|signature|extra_content|provider_specific", re.IGNORECASE
)
_ARGUMENT_NAMES = ("arguments", "parameters", "args", "input")
_NAME_IN_ID = re.compile(r"functions\.([\w-]{1,64}):\d+")
_decode = msgspec.json.Decoder().decode


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _whole(text: str) -> int | float | str:
    return int(text) if len(text) <= _SAFE_DIGITS else _finite(text)


_loose = json.JSONDecoder(
    strict=False, parse_constant=str, parse_float=_finite, parse_int=_whole
).decode


class Unreadable(Exception):
    """The body is not JSON at all."""


def load(body: bytes) -> tuple[Any, bool]:
    """The body's JSON value, and whether it was well-formed. Raises `Unreadable`.

    A reply that was paid for is rescued from what strict JSON forbids: stray surrogates of an
    emoji cut in half, raw control characters, a byte order mark, bytes that are not UTF-8, NaN and
    Infinity, which turn into texts.
    """
    try:
        return _decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = body.decode("utf-8-sig", "replace")
        # Written out and read again, each stray surrogate turns into "?" in one place.
        loose = json.dumps(_loose(text), ensure_ascii=False)
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
    choice, message = _said(choices if isinstance(choices, list) else [])
    if message is None:
        return None
    reading = _Reading(message)
    calls = reading.tool_calls()
    return Reply(
        text=reading.text(),
        tool_calls=calls,
        reasoning=reading.reasoning(),
        finish_reason=finish_reason(choice.get("finish_reason")),
        usage=read_usage(value),
        served_model=_string(value.get("model")),
        raw="" if whole and reading.whole else as_raw(body),
        simulated=value.get("system_fingerprint") == EMULATOR_MARK,
        carried=_fields(message, _CARRIED_WITH_CALLS if calls else _CARRIED),
    )


def _said(choices: list[Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The choice to read and its message; some servers put the words and the calls in two."""
    read = [c for c in choices if isinstance(c, dict) and isinstance(c.get("message"), dict)]
    if not read:
        # A filter, or a call that the service could not read, may leave nothing but the reason.
        ended = next((c for c in choices if isinstance(c, dict) and c.get("finish_reason")), None)
        return ended or {}, None if ended is None else {}
    first = read[0]
    if len(read) == 1:
        return first, first["message"]
    calling = next((c for c in read if _calls_in(c["message"])), first)
    words = {name: value for name, value in first["message"].items() if value}
    return calling, first["message"] if calling is first else calling["message"] | words


def _calls_in(message: Mapping[str, Any]) -> Any:
    return message.get("tool_calls") or message.get("function_call")


def _fields(value: Mapping[str, Any], named: re.Pattern[str]) -> dict[str, Any]:
    """The fields that their server wants back, by their names; nothing that no record can hold."""
    found = {
        k: v
        for k, v in value.items()
        if v is not None and named.search(k) and _shallow(v, _MOST_LEVELS)
    }
    if found:
        try:
            msgspec.json.encode(found)
        except (OverflowError, ValueError):
            return {}
    return found


def _shallow(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return left > 0 and all(_shallow(each, left - 1) for each in inside)


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
        """Native calls; the old `function_call` is one of them, and so is one without its list."""
        calls = self._message.get("tool_calls") or self._message.get("function_call")
        if not calls and isinstance(self._message.get("content"), list):
            calls = [part for part in self._message["content"] if _is_call(part)]
        listed = calls if isinstance(calls, list) else [calls]
        return tuple(self._call(call) for call in listed if call)

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
            elif not _is_call(part):
                self.whole = False

    def _call(self, call: Any) -> ToolCall:
        """A call, `{id, function: {name, arguments}}` or flat; what has no name has "" for it."""
        if not isinstance(call, dict):
            self.whole = False
            return ToolCall("", "", msgspec.json.encode(call).decode())
        nested = call.get("function")
        function = nested if isinstance(nested, dict) else call
        call_id = _string(call.get("id"))
        name = _string(function.get("name")) or _string(call.get("name"))
        name = name or (nested if isinstance(nested, str) else "") or _name_in(call_id)
        self.whole &= name != ""
        given = (function.get(key, call.get(key)) for key in _ARGUMENT_NAMES)
        arguments = next((each for each in given if each is not None), "")
        if not isinstance(arguments, str):  # some servers send the object itself
            arguments = msgspec.json.encode(arguments).decode()
        carried = _fields(call, _CARRIED_WITH_CALLS)
        if function is not call and (inside := _fields(function, _CARRIED_WITH_CALLS)):
            carried["function"] = inside
        return ToolCall(call_id, name, arguments, carried)


def _is_call(part: Any) -> bool:
    """Whether a part of the content is a call, as Anthropic's `tool_use` is."""
    return isinstance(part, dict) and isinstance(part.get("name"), str) and "input" in part


def _name_in(call_id: str) -> str:
    """The tool's name in an id of Kimi's making, `functions.name:0`."""
    match = _NAME_IN_ID.fullmatch(call_id)
    return match[1] if match else ""


def read_usage(value: Mapping[str, Any]) -> Usage:
    """What a body says it cost; nothing where it does not say."""
    usage = value.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    prompt = _tokens(usage.get("prompt_tokens"))
    return Usage(
        prompt, _tokens(usage.get("completion_tokens")), min(prompt, _cached_tokens(usage))
    )


def _cached_tokens(usage: Mapping[str, Any]) -> int:
    """As OpenAI says it, as DeepSeek does, and as Moonshot does."""
    details = usage.get("prompt_tokens_details")
    said = details.get("cached_tokens") if isinstance(details, dict) else None
    for place in (said, usage.get("prompt_cache_hit_tokens"), usage.get("cached_tokens")):
        if place and (found := _tokens(place)):
            return found
    return 0


def _tokens(count: Any) -> int:
    if count is None:  # as most places are
        return 0
    return int(count) if isinstance(count, int | float) and 0 <= count < 2**53 else 0


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
