"""Tool calls in a message without tags: Hermes JSON, `name(…)`, labels, a name alone.

Stricter about names than inside a tag: only a tool named in full counts, so that prose, plans and
lists of what was done are no calls.
"""

from __future__ import annotations

import functools
import itertools
import re

from stormproof.episode.arguments import Arguments, called, read_arguments
from stormproof.episode.nearly_json import lenient_object, read_object
from stormproof.episode.saying_done import says_done
from stormproof.episode.tags import Element, lesser_elements
from stormproof.episode.tool_calls import (
    MOST_CALLS,
    RecognisedCall,
    calls_in_brackets,
    hermes_call,
    hinted,
    is_hermes,
    tool_calls_of,
)
from stormproof.episode.tool_names import Vocabulary

_LONGEST = 60_000
_LONGEST_ARGUMENTS = 4_000  # of a call on lines of its own
_MOST_LENIENT = 4
_REACH = 1_000
_OBJECT = re.compile(
    r"\{\s{0,20}[\"'](?:name|tool|tool_name|function|function_name|action|tool_calls?|type|id"
    r"|tool_call_id)[\"']\s{0,5}:"
)
_UNREAD = re.compile(
    r"<[|\uff5c]?\s?(?:tool[_ \u2581-]?calls?|function|invoke)[^<>]{0,80}>"
    r"|[\"'](?:arguments|parameters|tool_name)[\"']\s{0,5}:|\bto=functions\b",
    re.IGNORECASE,
)
_LABEL = (
    r"(?:(?:next )?(?:tool|action|function)(?: to (?:execute|call|use))?|tool[_ ]call|tool[_ ]name"
    r"|call|execut(?:e|ing)|run(?:ning)?|calling|invoke)"
)
_LINE = (
    rf"^[ \t>`*\"'(]{{0,8}}(?P<label>{_LABEL}[`*\"' ]{{0,4}}[:=]?[`*\"' ]{{0,4}})?"
    r"(?:\w{1,40}\s?=\s?)?(?:print\s?\()?(?:(?:functions|default_api|tools)\.)?"
    r"(?P<junk>[a-z]{0,6})(?P<name>NAMES)(?P<rest>[^\n]*)"
)
_LISTED = r"(?:^|(?<=\s))\[(?:(?:functions|default_api)\.)?(?=(?:NAMES)\()"
_CLOSING = re.compile(r"[\s`*\"').:!;…]*")
_ARGUMENTS = re.compile(
    r"(?:[`*\"']{0,3}\s{0,3}|(?:[\s`*\"':,;|=>-]|\b(?:with|using|args|arguments|json)\b){0,8}"
    r"(?=\{\s{0,9}[\"'}]))(?P<value>[({\[]|[a-z_]{1,40}=\S)",
    re.IGNORECASE,
)
_OBJECT_BELOW = re.compile(r"\s{0,3}(?:```(?:json)?\s{0,3})?(?=\{)")
_EMPTY = ("()", "{}", "[]")
_INPUT_LABEL = re.compile(
    r"[\s`*-]{0,10}(?:action[_ ]input|parameters?|arguments?|args|input)[`*]{0,3}\s?:\s{0,9}",
    re.IGNORECASE,
)


def tool_calls_without_tags(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Calls in other forms; the first form that is found is the message's."""
    if len(text) > 2 * _LONGEST:
        text = text[:_LONGEST] + "\n" + text[-_LONGEST:]
    return (
        _in_objects(text, vocabulary)
        or _in_list(text, vocabulary)
        or _in_lines(text, vocabulary)
        or _announced(text, vocabulary)
        if vocabulary.is_in(text)
        else []
    )


def looks_like_a_call(text: str) -> bool:
    """Whether a message that no call could be read from has the marks of one."""
    return _UNREAD.search(text) is not None


def lesser_calls(text: str, vocabulary: Vocabulary) -> list[tuple[Element, RecognisedCall]]:
    """Calls in tags that the prompt never gave; only where they name a tool."""
    found = [
        (e, c) for e in lesser_elements(text, vocabulary) for c in tool_calls_of(e, vocabulary)
    ]
    return [(element, call) for element, call in found if call.name]


def _in_objects(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    found: list[RecognisedCall] = []
    at = lenient = 0
    for match in itertools.islice(_OBJECT.finditer(text), MOST_CALLS):
        if match.start() < at or lenient >= _MOST_LENIENT:
            continue
        read = read_object(text, match.start())
        lenient += read is None
        value, at = read or (lenient_object(text, match.start()), match.end())
        if is_hermes(value):
            found += [call for call in hermes_call(value, vocabulary) if call.name]
    return found


def _in_list(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """`[name(a=1), name(…)]`, as Llama 4 and LFM2 write, where it ends its line."""
    for match in _with_names(_LISTED, vocabulary.pattern.pattern).finditer(text):
        calls, end = calls_in_brackets(text, match.end(), vocabulary)
        closed = text.rfind("]", match.end(), end)
        if calls and closed > 0 and (end == len(text) or "\n" in text[closed:end]):
            return calls
    return []


def _in_lines(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Lines that are a call and nothing else; a claim to be done makes them a list of the past.

    One call that ends the message is none of the past.
    """
    lines = _with_names(_LINE, vocabulary.pattern.pattern).finditer(text)
    matches = list(itertools.islice(lines, MOST_CALLS))
    calls: list[RecognisedCall] = []
    end = 0
    for match in matches:
        if match.start() >= end and (found := _with_arguments(text, match, vocabulary)):
            call, end = found
            calls.append(call)
    if not calls:
        alone = [m for m in matches if _is_alone(m)]
        named = {m.group("name").lower() for m in alone}
        calls = [_named(m.group("name"), vocabulary) for m in alone[:1] if len(named) == 1]
    last = len(calls) == 1 and end > 0 and not text[end:].strip("`*)\"' \n")
    return calls if calls and (last or not says_done(text)) else []


def _announced(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Announced in words, with a closing list of the tool's arguments; without one it is talk."""
    before, _, after = text[-2 * _REACH :].rstrip().rpartition("\n\n")
    name = hinted(before[-_REACH:], vocabulary) if after[:1] in ("-", "*") else ""
    properties = vocabulary.properties(name)
    arguments = read_arguments(after, properties).values
    listed = bool(arguments) and set(arguments) <= set(properties)
    return [RecognisedCall(name, arguments, repaired=True)] if name and listed else []


@functools.lru_cache(16)
def _with_names(form: str, names: str) -> re.Pattern[str]:
    """A form that begins with one of the names, whose pattern is given."""
    return re.compile(form.replace("NAMES", names), re.IGNORECASE | re.MULTILINE)


def _is_alone(match: re.Match[str]) -> bool:
    return _CLOSING.fullmatch(match.group("rest")) is not None


def _with_arguments(
    text: str, match: re.Match[str], vocabulary: Vocabulary
) -> tuple[RecognisedCall, int] | None:
    """The call that a line begins, and where it ends; None where it is not written as a call."""
    start = _arguments_start(text, match)
    if start is None:
        return None
    name = vocabulary.resolve(match.group("name")).name
    properties = vocabulary.properties(name)
    opening, end = text[start : start + 1], match.end()
    if opening == "(":
        values, end = called(text, start, properties)
        arguments = Arguments(values, strict=False)
    else:
        on_line = opening not in ("{", "[") and start < match.end()
        given = text[start : match.end() if on_line else start + _LONGEST_ARGUMENTS]
        arguments = read_arguments(given, properties)
        read = read_object(text, start) if opening == "{" else None
        end = read[1] if read else end
    is_broken = arguments.problem != "" and '"' in text[start : start + _REACH]
    if not (arguments.values or is_broken) and text[start : start + 2] not in _EMPTY:
        return None
    call = RecognisedCall(name, arguments.values, repaired=True, problem=arguments.problem)
    return call, max(end, match.end())


def _arguments_start(text: str, match: re.Match[str]) -> int | None:
    """Where the arguments begin of a line that begins with a name: on it, or on the next ones."""
    if _is_alone(match):
        below = _OBJECT_BELOW.match(text, match.end())
        labelled = match.group("label") and _INPUT_LABEL.match(text, match.end())
        return below.end() if below else labelled.end() if labelled else None
    on_line = _ARGUMENTS.match(text, match.start("rest"), match.end())
    return on_line.start("value") if on_line else None


def _named(name: str, vocabulary: Vocabulary) -> RecognisedCall:
    return RecognisedCall(vocabulary.resolve(name).name, repaired=True)
