"""The native protocol: `tool_calls` of a reply, and calls that a model wrote as text instead."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from stormproof.domain.calls import Reply, ToolCall
from stormproof.episode.arguments import lenient_object
from stormproof.episode.calls import Call
from stormproof.episode.json_values import read_whole
from stormproof.episode.names import LONGEST_NAME, Vocabulary
from stormproof.episode.recognise import Recognition, recognise

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_SENT = 64  # characters of a function's name, by OpenAI's rules
_decode = msgspec.json.Decoder().decode


def recognise_native(reply: Reply, vocabulary: Vocabulary) -> Recognition:
    """Read a reply's native calls; without any, its text, where each call counts as a repair."""
    if reply.tool_calls:
        return recognise_calls(reply.tool_calls, vocabulary)
    found = recognise(reply.text, vocabulary)
    calls = tuple(msgspec.structs.replace(call, repaired=True) for call in found.calls)
    repairs = max(found.repairs, _count(calls) + len(found.queries))
    return msgspec.structs.replace(found, calls=calls, repairs=repairs)


def recognise_calls(written: tuple[ToolCall, ...], vocabulary: Vocabulary) -> Recognition:
    """Read native calls; a made-up function for being done means done where it stands alone."""
    calls = tuple(native_call(call, vocabulary) for call in written)
    if all(call.is_done for call in calls):
        return Recognition(action="done", repairs=len(calls))
    return Recognition(action="call", calls=calls, repairs=_count(calls))


def native_call(call: ToolCall, vocabulary: Vocabulary) -> Call:
    """One native call. Arguments that are no JSON object are its `problem`, never guessed at."""
    resolved = vocabulary.resolve(call.name)
    arguments, problem, repaired = _arguments(call.arguments)
    return Call(
        name=resolved.name,
        arguments=arguments,
        repaired=resolved.repaired or repaired,
        written=call.name[:LONGEST_NAME],
        candidates=resolved.candidates,
        call_id=call.id,
        problem=problem,
    )


def repeatable(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """Native calls as servers take them back in the history of a conversation.

    Many refuse arguments that are no JSON object, and names of other characters; then a slip of
    the model would look like a request that no endpoint accepts.
    """
    return tuple(
        ToolCall(
            id=call.id,
            name=_FOREIGN.sub("_", call.name)[:_LONGEST_SENT] or "_",
            arguments=call.arguments if _is_object(call.arguments) else _as_object(call.arguments),
        )
        for call in calls
    )


def as_text(calls: tuple[ToolCall, ...]) -> str:
    """Native calls in the text protocol's form, for a server that took them out of the text."""
    return "\n".join(f"<tool_call>{call.name} {call.arguments}</tool_call>" for call in calls)


def _is_object(text: str) -> bool:
    try:
        return isinstance(_decode(text), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def _as_object(text: str) -> str:
    return json.dumps(_arguments(text)[0])


def _arguments(text: str) -> tuple[dict[str, Any], str, bool]:
    text = text.strip()
    if not text:
        return {}, "", False
    try:
        value = read_whole(text)
    except ValueError as error:
        return {}, f"the arguments are not valid JSON: {error}", False
    if isinstance(value, str):  # encoded twice, as some servers do
        return lenient_object(value), "", True
    if not isinstance(value, dict):
        return {}, "the arguments are not a JSON object", False
    return value, "", False


def _count(calls: tuple[Call, ...]) -> int:
    return sum(call.repaired for call in calls)
