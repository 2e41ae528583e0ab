"""What a model's message asks for: the text protocol, read as a careful human would read it.

The tags of the prompt are looked for first, closed or not, in any case, mixed up or with their
content in another notation; only a message without them is searched for a tool call in another form
(Hermes JSON, `name(…)`, a name alone). Text that merely talks about a tool is no call.

Where a message holds several things, nothing asked for is lost: every tool call counts, in order,
and searches and questions beside them are answered too. "Done" counts only where nothing is asked.

Every pass is linear in the message, so that no text can hang the loop that all episodes share.
"""

from __future__ import annotations

import html
import re

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import Protocol
from stormproof.domain.episodes import Action
from stormproof.episode.markup import with_plain_calls
from stormproof.episode.saying_done import says_done
from stormproof.episode.tags import Element, elements, without_thoughts
from stormproof.episode.tool_calls import MOST_CALLS, RecognisedCall, tool_calls_of
from stormproof.episode.tool_names import Vocabulary
from stormproof.episode.untagged import (
    lesser_calls,
    looks_like_a_call,
    tool_calls_without_tags,
)

LONGEST = 400_000
MOST_QUESTIONS = 5
LONGEST_QUERY = 300
_MISPLACED = re.compile(r"\s*[<(]?/?tool_(info|search)\b\W{0,3}", re.IGNORECASE)


class Recognition(Struct, frozen=True, gc=False):
    """All that a message asks for; `action` is its chief part.

    `questions` are tools that `<tool_info>` asks about. `repairs` counts those of all three whose
    recognition needed repair. `unread` counts what looks like a tool call and could not be read,
    the calls with a `problem` among them; where something is unread, nothing is said to be done.
    """

    action: Action
    tool_calls: tuple[RecognisedCall, ...] = ()
    queries: tuple[str, ...] = ()
    questions: tuple[RecognisedCall, ...] = ()
    repairs: int = 0
    unread: int = 0


class _Found(Struct):
    """What the passes gather. Every field only grows; the reading functions below add to it."""

    tool_calls: list[
        RecognisedCall
    ] = []  # in the message's order; may exceed MOST_CALLS by a tag's
    queries: list[str] = []  # none empty, none longer than LONGEST_QUERY
    questions: list[RecognisedCall] = []
    done: bool = False  # said in a tag; prose is asked by `recognition` where nothing was found
    repairs: int = 0  # at most the sum of the three lists' lengths
    unread: int = 0
    hermes: bool = False  # which form the prompt asked for; never changed

    def add(self, element: Element, call: RecognisedCall) -> None:
        """Count one call or question; "done" in the form of a call is no call."""
        if call.is_done:
            self.done = True
            return
        (self.questions if element.kind == "info" else self.tool_calls).append(call)
        self.repairs += (call.repaired and not call.problem) or call.asks_for != ""
        nameless = not (call.name or call.written or element.is_blank)
        self.unread += nameless or bool(call.problem)

    def recognition(self, text: str) -> Recognition:
        """All of it, with its chief part named."""
        asked: Action = "none"
        if self.tool_calls:
            asked = "call"
        elif self.queries:
            asked = "search"
        elif self.questions:
            asked = "info"
        elif self.done:
            asked = "done"
        elif looks_like_a_call(text):
            self.unread += 1
        elif says_done(text):
            asked = "done"
        return Recognition(
            action=asked,
            tool_calls=tuple(self.tool_calls[:MOST_CALLS]),
            queries=tuple(self.queries[:MOST_QUESTIONS]),
            questions=tuple(self.questions[:MOST_QUESTIONS]),
            repairs=self.repairs,
            unread=self.unread,
        )


def recognise(text: str, vocabulary: Vocabulary, protocol: Protocol = "text") -> Recognition:
    """Read a message of the text protocols. Pure; linear in the length of the text.

    `protocol` says which form of a call needs no repair; in the native one each does. Of a message
    longer than `LONGEST` characters the middle is not read.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n{text[-LONGEST // 2 :]}"
    escaped = "&lt;tool_" in text and "<tool_" not in text
    said, orphaned = without_thoughts(html.unescape(text) if escaped else text)
    found = _recognise(said, vocabulary, protocol)
    if found.action == "none" and orphaned:
        found = _recognise(orphaned, vocabulary, protocol)
    return as_repairs(found) if escaped else found


def as_repairs(found: Recognition) -> Recognition:
    """The same, where none of it came in the form that was asked for."""
    calls = tuple(msgspec.structs.replace(call, repaired=True) for call in found.tool_calls)
    read = sum(call.problem == "" for call in calls)
    repairs = max(found.repairs, read + len(found.queries))
    return msgspec.structs.replace(found, tool_calls=calls, repairs=repairs)


def _recognise(text: str, vocabulary: Vocabulary, protocol: Protocol) -> Recognition:
    plain = with_plain_calls(text)
    found = _Found(hermes=protocol == "hermes")
    for element in elements(plain):
        _read(element, found, vocabulary)
        if len(found.tool_calls) >= MOST_CALLS:
            break
    if not (found.tool_calls or found.queries or found.questions or found.done):
        _read_untagged(plain, found, vocabulary)
    read = found.recognition(plain)
    return read if protocol != "native" and plain == text else as_repairs(read)


def _read(element: Element, found: _Found, vocabulary: Vocabulary) -> None:
    misplaced = _MISPLACED.match(element.body) if element.kind == "call" else None
    if misplaced:
        element.kind = "info" if misplaced.group(1).lower() == "info" else "search"
        element.body = element.body[misplaced.end() :]
        element.closed = False
    if element.kind == "done":
        found.done = True
    elif element.kind == "search":
        _add_query(element, found)
    else:
        for call in tool_calls_of(element, vocabulary, hermes=found.hermes):
            found.add(element, call)


def _add_query(element: Element, found: _Found) -> None:
    """A search; an unclosed one ends with its line."""
    text = element.body if element.closed else element.body.strip().partition("\n")[0]
    query = (text.strip() or element.attributes)[:LONGEST_QUERY].strip("\"'` \n")
    if query:
        found.queries.append(query)
        found.repairs += not element.closed


def _read_untagged(text: str, found: _Found, vocabulary: Vocabulary) -> None:
    lesser = lesser_calls(text, vocabulary)
    for element, call in lesser:
        found.add(element, msgspec.structs.replace(call, repaired=True))
    if not lesser:
        found.tool_calls = tool_calls_without_tags(text, vocabulary)
        found.repairs += len(found.tool_calls)
        found.unread += sum(call.problem != "" for call in found.tool_calls)
