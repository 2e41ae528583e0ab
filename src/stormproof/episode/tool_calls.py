"""Tool calls out of a tag's content: the name, by every clue a careful reader has; arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stormproof.episode.arguments import (
    ARGUMENT_KEYS,
    NOTHING,
    Arguments,
    called,
    read_arguments,
    read_native_arguments,
    unwrap,
)
from stormproof.episode.json_values import Objects
from stormproof.episode.nearly_json import lenient_object, read_object
from stormproof.episode.saying_done import is_done_word
from stormproof.episode.tags import Element
from stormproof.episode.tool_names import LONGEST_NAME, Resolved, Vocabulary

MOST_CALLS = 64  # of one message; more never fit a turn budget
_REACH = 400
_NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action", "tool_call")
_BESIDE = frozenset({*_NAME_KEYS, *ARGUMENT_KEYS, "id", "type", "thought", "reason", "index",
                     "tool_call_id", "call_id"})  # fmt: skip
_SEVERAL_KEYS = ("tool_calls", "calls", "tools", "actions", "function_call")
_ASKING = {"tool_search": "search", "tool_info": "info"}
_PLACEHOLDERS = frozenset({"tool_name", "toolname", "tool", "name", "function_name", "tool_call"})

_OWNER = r"(?:(?:functions?|default_api|tools?)\.)?"  # as in `functions.name`
_SKIP = re.compile(
    r"[\s`*\"'(:=]*(?:(?:json|xml|text|plaintext|python|tool_code)\b[\s`]*)?\[?\s{0,9}"
    rf"(?:\w{{1,40}}\s?=\s?)?(?:print\s?\()?{_OWNER}"
)
_NEXT_CALL = re.compile(
    rf"[\s,;)\]]{{0,40}}(?:\w{{1,40}}\s?=\s?)?(?:print\s?\()?{_OWNER}(?=[A-Za-z])"
)
_ENDS_LIST = re.compile(r"[\s,;)\]`]{0,40}")
_HEAD = re.compile(r"[A-Za-z][\w.\-/]{0,80}")
_CHUNK = re.compile(r"[^\n{(\[=<\":]{0,80}")
_LIST = re.compile(r"\s*(?:,|;|\n|->|\u2192|\band\b)\s*(?:\d+\.|[-*])?\s*")
_ATTRIBUTE_NAME = re.compile(
    r"(?:^|\s)(?:name|tool|tool_name|function)?\s?=\s?[\"']?([\w.\- ]{1,80})[\"']?"
)
_ATTRIBUTE_ARGUMENTS = re.compile(r"\s(?:arguments|parameters|args|params|input)\s?=\s?[\"']?(?={)")
_CHILD_NAME = re.compile(
    r"\s*<(?:tool_?name|name|tool|function|invoke)"
    rf"(?:\s{{1,3}}name)?\s?(?:=\s?[\"']?|>)\s{{0,9}}{_OWNER}([\w.\- ]{{1,80}})[\"']?\s{{0,9}}"
    r"(?:</\w{1,20}>|>)?",
    re.IGNORECASE,
)
_NEXT_CHILD = re.compile(
    r"</(?:invoke|function)\s?>\s{0,40}(?=<(?:invoke|function)[\s=>])", re.IGNORECASE
)
_LAST_SENTENCE = re.compile(r"[^.!?\n]+[.!?:\s]*\Z")
_INTENT = re.compile(
    r"\b(?:execut|call|run|us(?:e|ing)\b|invok|retry|try|proceed|start)", re.IGNORECASE
)


class RecognisedCall(Struct, frozen=True, gc=False):
    """A tool call that the message asks for.

    `name` is empty where the written one means no tool, or more than one: `written` is what
    stood there and `candidates` what it could have meant. `repaired` is true where the call was
    not written as the prompt says. `call_id` is the native protocol's, else empty; `problem`
    says what is wrong with arguments that could not be read.
    """

    name: str
    arguments: dict[str, Any] = {}
    repaired: bool = False
    written: str = ""
    candidates: tuple[str, ...] = ()
    call_id: str = ""
    problem: str = ""

    @property
    def is_done(self) -> bool:
        """Whether being done was said in the form of a call."""
        return not self.name and is_done_word(self.written)

    @property
    def asks_for(self) -> str:
        """`search` or `info`, where the tag of that name was made up as a tool."""
        return _ASKING.get(self.written, "") if not self.name else ""

    @property
    def is_placeholder(self) -> bool:
        """Whether the prompt's own placeholder, or nothing at all, stood for the name."""
        return not self.name and self.written.lower() in {"", *_PLACEHOLDERS}


def tool_calls_of(
    element: Element, vocabulary: Vocabulary, *, hermes: bool = False
) -> list[RecognisedCall]:
    """The calls in an element: mostly one; more where it lists several names or objects.

    `hermes` says which form the prompt asks for: `{"name": …, "arguments": …}`, or a name and its
    arguments. The other is a repair.
    """
    body = element.body
    canonical = (_canonical_object if hermes else _canonical)(element, vocabulary)
    if canonical is not None:
        return [canonical]
    if element.attributes:
        return [_from_attributes(element, vocabulary)]
    start = _SKIP.match(body).end()  # type: ignore[union-attr]  # the pattern matches anything
    if body[start : start + 1] == "{":
        found = hermes_calls(body, start, vocabulary)
        if found:
            return found
    child = _CHILD_NAME.match(body)
    if child:
        return _from_children(body, child, element.after, vocabulary)
    return calls_in_brackets(body, start, vocabulary)[0] or _from_words(element, start, vocabulary)


def calls_in_brackets(
    text: str, start: int, vocabulary: Vocabulary
) -> tuple[list[RecognisedCall], int]:
    """`name(a=1), name(…)` at `start`: a call of a tool named in full, and those that follow it.

    With where the last one ends, brackets around all of them included.
    """
    found: list[RecognisedCall] = []
    end = at = start
    while (hit := vocabulary.at_start(text, at)) and len(found) < MOST_CALLS:
        name, opening = hit
        opening += len(".call") if text.startswith(".call(", opening) else 0
        if text[opening : opening + 1] != "(":
            break
        values, end = called(text, opening, vocabulary.properties(name))
        found.append(RecognisedCall(name, values, repaired=True))
        following = _NEXT_CALL.match(text, end)
        at = following.end() if following else len(text)
    return found, _ENDS_LIST.match(text, end).end() if found else start  # type: ignore[union-attr]


def hermes_calls(text: str, start: int, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Calls of `{"name": …, "arguments": …}` at `start`, and of those that follow it closely."""
    found: list[RecognisedCall] = []
    while start < len(text) and len(found) < MOST_CALLS:
        read = read_object(text, start)
        value = read[0] if read else lenient_object(text, start)
        found += hermes_call(value, vocabulary)
        following = _LIST.match(text, read[1]) if read else None
        start = following.end() if following else read[1] if read else len(text)
        if text[start : start + 1] != "{":
            break
    return found


def hermes_call(value: dict[str, Any], vocabulary: Vocabulary) -> list[RecognisedCall]:
    """The calls that an object describes; none where it is not of that form."""
    for key in _SEVERAL_KEYS:
        inside = value.get(key)
        if isinstance(inside, dict):
            return hermes_call(inside, vocabulary)
        if isinstance(inside, list):
            objects = [each for each in inside[:MOST_CALLS] if isinstance(each, dict)]
            return [call for each in objects for call in hermes_call(each, vocabulary)]
    name = next((value[key] for key in _NAME_KEYS if key in value), None)
    [(only, inside), *_] = [*value.items(), ("", None)]
    if len(value) == 1 and only in vocabulary.names and isinstance(inside, dict):
        return [_made(Resolved(only), only, Arguments(inside, strict=False))]
    if isinstance(name, dict):
        return hermes_call({**value, **name} if "name" in name else name, vocabulary)
    if not isinstance(name, str) or not name.strip():
        return []
    resolved = vocabulary.resolve(name)
    return [_made(resolved, name, _beside_name(value, vocabulary.properties(resolved.name)))]


def _beside_name(value: dict[str, Any], properties: Mapping[str, Any]) -> Arguments:
    """The arguments in an object that names its tool: under a word for them, or beside the name."""
    key = next((key for key in ARGUMENT_KEYS if key in value), None)
    if key is None:
        return Arguments({k: v for k, v in value.items() if k not in _BESIDE}, strict=False)
    arguments = value[key]
    if isinstance(arguments, str):
        return read_native_arguments(arguments, properties)
    if isinstance(arguments, list) and len(arguments) == 1:
        arguments = arguments[0]
    if not isinstance(arguments, dict):
        return Arguments(
            {}, strict=False, problem="the arguments are not a JSON object" if arguments else ""
        )
    inside = unwrap(arguments, properties)
    return Arguments(inside, strict=inside is arguments)


def is_hermes(value: dict[str, Any]) -> bool:
    """Whether an object outside any tag is a call: a name with arguments and little else."""
    keys = set(value)
    return (bool(keys & set(_NAME_KEYS)) and keys <= _BESIDE) or bool(keys & {"tool_calls"})


def hinted(before: str, vocabulary: Vocabulary, among: tuple[str, ...] = ()) -> str:
    """The one tool that the sentence before a tag announces ("I will now execute the …")."""
    sentence = _LAST_SENTENCE.search(before.rstrip())
    if sentence is None or not _INTENT.search(sentence.group()):
        return ""
    named = [n for n in vocabulary.mentioned(sentence.group()) if not among or n in among]
    return named[0] if len(named) == 1 else ""


def _canonical(element: Element, vocabulary: Vocabulary) -> RecognisedCall | None:
    """A call as the prompt asks for it: closed, an exact name, then nothing or an object."""
    body = element.body.strip()
    name, _, rest = body.partition("\n" if "\n" in body else " ")
    name, rest = name.strip(), rest.strip()
    if not element.closed or element.attributes or rest[:1] not in ("", "{"):
        return None
    if vocabulary.resolve(name) != Resolved(name):
        return None
    arguments = read_arguments(rest or _arguments_after(element.after), vocabulary.properties(name))
    late = not rest and bool(arguments.values)
    return RecognisedCall(
        name,
        arguments.values,
        repaired=late or not arguments.strict,
        problem=arguments.problem,
    )


def _canonical_object(element: Element, vocabulary: Vocabulary) -> RecognisedCall | None:
    """A call as the `hermes` prompt asks for it: closed, one object, an exact name, an object."""
    if not element.closed or element.attributes:
        return None
    body = element.body.strip()
    read = read_object(body)
    if read is None or read[1] < len(body):
        return None
    name, arguments = read[0].get("name"), read[0].get("arguments", {})
    if not isinstance(name, str) or vocabulary.resolve(name) != Resolved(name):
        return None
    exact = isinstance(arguments, dict) and set(read[0]) <= {"name", "arguments"}
    return RecognisedCall(name, arguments) if exact else None


def _arguments_after(after: str) -> str:
    """The text after a closed tag where it begins like arguments; prose is none."""
    return after if _LATE_ARGUMENTS.match(after) else ""


_LATE_ARGUMENTS = re.compile(
    r"\s{0,9}(?:with )?(?:\\\n)?(?:\*{0,2}(?:parameters?|arguments?|args|params|input)\b|```json|{"
    r"|<(?:param|args|arguments|input)|<[a-z_]{2,40}>|-?\s?\"?[a-z_]{2,40}\"?[=:]\s?[\"'\d{\[])",
    re.IGNORECASE,
)


def _from_attributes(element: Element, vocabulary: Vocabulary) -> RecognisedCall:
    named = _ATTRIBUTE_NAME.search(element.attributes)
    written = named.group(1) if named else element.body.strip()[:LONGEST_NAME]
    resolved = vocabulary.resolve(written)
    inner = _ATTRIBUTE_ARGUMENTS.search(element.attributes)
    rest = element.attributes[inner.end() if inner else named.end() if named else 0 :]
    if inner is None and not rest.strip() and named:
        rest = element.body
    return _call(resolved, written, rest, vocabulary)


def _from_children(
    body: str, child: re.Match[str], after: str, vocabulary: Vocabulary
) -> list[RecognisedCall]:
    """`<invoke name="…">…</invoke>`, `<function=…>…</function>`, `<name>…</name>…`: one or more."""
    found: list[RecognisedCall] = []
    named: re.Match[str] | None = child
    while named and len(found) < MOST_CALLS:
        following = _NEXT_CHILD.search(body, named.end())
        end = following.end() if following else len(body)
        resolved = vocabulary.resolve(named.group(1).strip())
        rest = body[named.end() : end] or after
        found.append(_call(resolved, named.group(1), rest, vocabulary))
        named = _CHILD_NAME.match(body, end) if following else None
    return found


def _from_words(element: Element, start: int, vocabulary: Vocabulary) -> list[RecognisedCall]:
    body = element.body
    hit = vocabulary.at_start(body, start)
    if hit:
        name, end = hit
        several = [
            p.strip("`*\"' ")
            for p in _LIST.split(body[start : start + _REACH].strip())
            if p.strip()
        ]
        if len(several) > 1 and all(part in vocabulary.names for part in several):
            return [RecognisedCall(part, repaired=True) for part in several]
        found = [_call(Resolved(name), name, _rest(body, end, element), vocabulary)]
        return found + _following(body, end, vocabulary)
    resolved, written, end = _loosely_named(body, start, vocabulary)
    if not resolved.name:
        hint = hinted(element.before, vocabulary, resolved.candidates)
        resolved = Resolved(hint, repaired=True) if hint and _fragment(body) else resolved
    return [_call(resolved, written, _rest(body, end, element), vocabulary)]


def _following(body: str, end: int, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """More of `name {…}` right after the first one, whose name ends at `end`."""
    found: list[RecognisedCall] = []
    objects = Objects(body)
    while (after := objects.past(end)) > end and len(found) < MOST_CALLS:
        between = _LIST.match(body, after)
        hit = vocabulary.at_start(body, between.end()) if between else None
        if hit is None or objects.past(hit[1]) == hit[1]:
            break
        name, end = hit
        properties = vocabulary.properties(name)
        rest = body[end : objects.past(end)]
        found.append(_made(Resolved(name), name, read_arguments(rest, properties)))
    return found


def _loosely_named(body: str, start: int, vocabulary: Vocabulary) -> tuple[Resolved, str, int]:
    """The name by its first word, its first line, or the only tool named anywhere near."""
    first = Resolved(), "", start
    for pattern in (_HEAD, _CHUNK):
        piece = pattern.match(body, start)
        if piece and piece.group().strip():
            resolved = vocabulary.resolve(piece.group())
            if resolved.name:
                return resolved, piece.group(), piece.end()
            if resolved.candidates or not first[0].candidates:
                first = resolved, piece.group().strip(), piece.end()
    named = vocabulary.mentioned(body[:_REACH])
    if len(named) == 1:
        end = body.lower().find(named[0].lower()) + len(named[0])
        return Resolved(named[0], repaired=True), named[0], end
    return (Resolved(candidates=named, repaired=True), *first[1:]) if named else first


def _fragment(body: str) -> bool:
    """Whether so little stands in a tag that it may be the cut-off start of a name."""
    return len(body.split()) <= 1


def _rest(body: str, end: int, element: Element) -> str:
    rest = body[end:].lstrip("`*\"'_ ")
    return rest if rest.strip() else _arguments_after(element.after)


def _call(resolved: Resolved, written: str, rest: str, vocabulary: Vocabulary) -> RecognisedCall:
    if not resolved.name:
        return _made(resolved, written, NOTHING)
    return _made(resolved, written, read_arguments(rest, vocabulary.properties(resolved.name)))


def _made(resolved: Resolved, written: str, arguments: Arguments) -> RecognisedCall:
    if resolved.name:
        return RecognisedCall(
            resolved.name, arguments.values, repaired=True, problem=arguments.problem
        )
    written = written.strip()[:LONGEST_NAME]
    return RecognisedCall("", arguments.values, written=written, candidates=resolved.candidates)
