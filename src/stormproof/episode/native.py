"""The native protocol: the `tools` of a request, the `tool_calls` of a reply, and the way back."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

import msgspec

from stormproof.domain.calls import Reply, ToolCall
from stormproof.domain.tasks import ToolSpec
from stormproof.episode.arguments import read_native_arguments
from stormproof.episode.recognise import Recognition, recognise
from stormproof.episode.tool_calls import RecognisedCall
from stormproof.episode.tool_names import LONGEST_NAME, Vocabulary
from stormproof.suites.workflows import WORKFLOWS

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_SENT = 64  # characters of a function's name, by OpenAI's rules
_decode = msgspec.json.Decoder().decode


@functools.cache
def function_schemas() -> tuple[dict[str, Any], ...]:
    """All catalogue tools as the `tools` of an OpenAI chat-completions request."""
    return tuple(_function(spec) for spec in WORKFLOWS.tools.values())


def recognise_native(reply: Reply, vocabulary: Vocabulary) -> Recognition:
    """Read a reply's native calls; without any, its text, where each call counts as a repair."""
    if reply.tool_calls:
        return recognise_tool_calls(reply.tool_calls, vocabulary)
    found = recognise(reply.text, vocabulary)
    calls = tuple(msgspec.structs.replace(call, repaired=True) for call in found.tool_calls)
    repairs = max(found.repairs, _count(calls) + len(found.queries))
    return msgspec.structs.replace(found, tool_calls=calls, repairs=repairs)


def recognise_tool_calls(written: tuple[ToolCall, ...], vocabulary: Vocabulary) -> Recognition:
    """Read native calls; a made-up function for being done means done where it stands alone."""
    calls = tuple(recognise_tool_call(call, vocabulary) for call in written)
    if all(call.is_done for call in calls):
        return Recognition(action="done", repairs=len(calls))
    return Recognition(action="call", tool_calls=calls, repairs=_count(calls))


def recognise_tool_call(call: ToolCall, vocabulary: Vocabulary) -> RecognisedCall:
    """One native call. Arguments that are no JSON object are its `problem`, never guessed at."""
    resolved = vocabulary.resolve(call.name)
    arguments = read_native_arguments(call.arguments)
    return RecognisedCall(
        name=resolved.name,
        arguments=arguments.values,
        repaired=resolved.repaired or not arguments.strict,
        written=call.name[:LONGEST_NAME],
        candidates=resolved.candidates,
        call_id=call.id,
        problem=arguments.problem,
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


def _function(spec: ToolSpec) -> dict[str, Any]:
    described = {
        "name": spec.name,
        "description": spec.description,
        "parameters": spec.parameters,
    }
    return {"type": "function", "function": described}


def _is_object(text: str) -> bool:
    try:
        return isinstance(_decode(text), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def _as_object(text: str) -> str:
    return json.dumps(read_native_arguments(text).values)


def _count(calls: tuple[RecognisedCall, ...]) -> int:
    return sum(call.repaired for call in calls)
