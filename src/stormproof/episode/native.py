"""Native tool calls: the `tools` of a request, the `tool_calls` of a reply, and the way back."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from stormproof.domain.calls import ToolCall
from stormproof.domain.conditions import Protocol
from stormproof.domain.tasks import ToolSpec
from stormproof.episode.arguments import Arguments, read_native_arguments
from stormproof.episode.recognise import Recognition
from stormproof.episode.tool_calls import MOST_CALLS, RecognisedCall
from stormproof.episode.tool_names import LONGEST_NAME, Vocabulary
from stormproof.suites.workflows import WORKFLOWS

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_SENT = 64  # characters of a function's name, by OpenAI's rules
_decode = msgspec.json.Decoder().decode


@functools.cache
def function_schemas() -> tuple[dict[str, Any], ...]:
    """All catalogue tools as the `tools` of an OpenAI chat-completions request."""
    return tuple(_function(spec) for spec in WORKFLOWS.tools.values())


def recognise_tool_calls(written: Sequence[ToolCall], vocabulary: Vocabulary) -> Recognition:
    """Read native calls; a made-up function for being done means done where it stands alone."""
    calls = tuple(recognise_tool_call(call, vocabulary) for call in written)
    if all(call.is_done for call in calls):
        return Recognition(action="done", repairs=len(calls))
    unread = sum(not call.written or call.problem != "" for call in calls)
    repairs = sum(call.repaired and not call.problem for call in calls)
    return Recognition(action="call", tool_calls=calls, repairs=repairs, unread=unread)


def recognise_tool_call(call: ToolCall, vocabulary: Vocabulary) -> RecognisedCall:
    """One native call. Arguments that cannot be read are its `problem`, never guessed at."""
    resolved = vocabulary.resolve(call.name)
    arguments = read_native_arguments(call.arguments, vocabulary.properties(resolved.name))
    if call.arguments.strip() == "{" and vocabulary.needs_nothing(resolved.name):
        arguments = Arguments({}, strict=False)  # there is nothing that it could have lost
    return RecognisedCall(
        name=resolved.name,
        arguments=arguments.values,
        repaired=resolved.repaired or not arguments.strict,
        written=call.name[:LONGEST_NAME],
        candidates=resolved.candidates,
        call_id=call.id,
        problem=arguments.problem,
    )


def each_once(calls: Sequence[ToolCall], turn: int) -> tuple[ToolCall, ...]:
    """A message's calls, each once, those without an id given one that the episode has only once.

    A call that a server sent twice has the same id and name, and its arguments whole or so far: the
    longer ones stand. Another call under an id that is taken is another call. No more than
    `MOST_CALLS` are looked at.
    """
    kept: dict[str, ToolCall] = {}
    for number, call in enumerate(calls[:MOST_CALLS]):
        twin = kept.get(call.id) if call.id else None
        if twin is not None and _is_same(twin, call):
            kept[call.id] = max(twin, call, key=lambda each: len(each.arguments))
            continue
        taken = twin is not None or not call.id
        named = msgspec.structs.replace(call, id=f"call_{turn}_{number}") if taken else call
        kept[named.id] = named
    return tuple(kept.values())


def _is_same(one: ToolCall, other: ToolCall) -> bool:
    shorter, longer = sorted((one.arguments, other.arguments), key=len)
    return one.name == other.name and longer.startswith(shorter)


def repeatable(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """Native calls as servers take them back in the history of a conversation.

    Many refuse arguments that are no JSON object, and names of other characters; then a slip of
    the model would look like a request that no endpoint accepts.
    """
    return tuple(
        msgspec.structs.replace(
            call,
            name=_FOREIGN.sub("_", call.name)[:_LONGEST_SENT] or "_",
            arguments=_object_text(call),
        )
        for call in calls
    )


def as_text(calls: Sequence[ToolCall], protocol: Protocol) -> str:
    """Native calls in the prompt's form, for a server that took them out of the text."""
    return "\n".join(f"<tool_call>{_as_text(call, protocol)}</tool_call>" for call in calls)


def _as_text(call: ToolCall, protocol: Protocol) -> str:
    if protocol == "hermes":
        return f'{{"name": {json.dumps(call.name)}, "arguments": {_object_text(call)}}}'
    return f"{call.name} {call.arguments}"


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


def _object_text(call: ToolCall) -> str:
    if _is_object(call.arguments):
        return call.arguments
    return json.dumps(read_native_arguments(call.arguments, {}).values)
