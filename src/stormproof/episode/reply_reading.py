"""A whole reply read: native calls, text, what is in a wrong field, and what was cut off."""

from __future__ import annotations

import msgspec

from stormproof.domain.calls import Reply
from stormproof.domain.conditions import Protocol
from stormproof.episode.native import recognise_tool_calls
from stormproof.episode.recognise import Recognition, as_repairs, recognise
from stormproof.episode.tool_names import Vocabulary
from stormproof.suites.workflows import WORKFLOWS

_CUT = "the message was cut off at its length limit within this call, which was not carried out"
# What a cut text could have gone on with: the rest of its last word, a line, more arguments. A call
# that any of these would change was not whole.
_MORE = ("x", "\nx", '\n, x=1, "x": 1}}')


def read_reply(reply: Reply, vocabulary: Vocabulary, protocol: Protocol) -> Recognition:
    """All that a reply asks for, each thing once: native calls where it has some, else its text.

    Of a reply that ended at its length limit, the call that was being written is not carried out
    with half its values: it has a `problem`, and is unread.
    """
    found = _read(reply, vocabulary, protocol)
    if reply.finish_reason != "length" or not found.tool_calls:
        return found
    possible = _MORE if _last_character(reply).isalnum() else _MORE[1:]
    longer = (_read(_with_more(reply, more), vocabulary, protocol) for more in possible)
    return found if all(_last(found) == _last(each) for each in longer) else _cut(found)


def _read(reply: Reply, vocabulary: Vocabulary, protocol: Protocol) -> Recognition:
    if reply.tool_calls:
        found = recognise_tool_calls(reply.tool_calls, vocabulary)
        # A server that takes `<tool_call>` out of the text by itself does so to the text form too.
        return as_repairs(found) if protocol == "text" else found
    if reply.text.strip() or reply.finish_reason == "length":
        return recognise(reply.text, vocabulary, protocol)
    return _misplaced(reply.reasoning, vocabulary, protocol)


def _misplaced(reasoning: str, vocabulary: Vocabulary, protocol: Protocol) -> Recognition:
    """What an answer among the thoughts asks for; being done it must say in the prompt's words.

    Thoughts alone are nothing: neither done nor unread.
    """
    found = as_repairs(recognise(answer_in(reasoning), vocabulary, protocol))
    if found.action == "done":
        return found if WORKFLOWS.completion_phrase in reasoning else Recognition("none")
    return found if found.action != "none" or _is_answer(reasoning) else Recognition("none")


def answer_in(reasoning: str) -> str:
    """The answer in what a server took for thought: all of it, or what it comes to in the end."""
    return reasoning if _is_answer(reasoning) else reasoning.rstrip().rpartition("\n\n")[2]


def _is_answer(reasoning: str) -> bool:
    return reasoning.lstrip()[:1] in ("<", "{", "[")


def _with_more(reply: Reply, more: str) -> Reply:
    if not reply.tool_calls:
        return msgspec.structs.replace(reply, text=reply.text + more)
    *before, last = reply.tool_calls
    longer = msgspec.structs.replace(last, arguments=last.arguments + more)
    return msgspec.structs.replace(reply, tool_calls=(*before, longer))


def _last_character(reply: Reply) -> str:
    return (reply.tool_calls[-1].arguments if reply.tool_calls else reply.text)[-1:]


def _last(found: Recognition) -> tuple[object, ...]:
    """How many calls there are, and what the last of them asks for."""
    last = found.tool_calls[-1] if found.tool_calls else None
    asked = last and (last.name, last.arguments, last.problem)
    return len(found.tool_calls), asked


def _cut(found: Recognition) -> Recognition:
    *before, last = found.tool_calls
    unread = found.unread + (last.problem == "")
    cut = msgspec.structs.replace(last, arguments={}, problem=_CUT)
    return msgspec.structs.replace(found, tool_calls=(*before, cut), unread=unread)
