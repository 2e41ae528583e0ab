"""Tool calls in a message without tags: Hermes JSON, `name(…)`, labels, a name alone.

Stricter about names than inside a tag: only a tool named in full counts, so that prose, plans and
lists of what was done are no calls.
"""

from __future__ import annotations

import functools
import itertools
import re

from stormproof.episode.arguments import lenient_object, read_arguments, read_object
from stormproof.episode.saying_done import says_done
from stormproof.episode.tags import Element, lesser_elements
from stormproof.episode.tool_calls import (
    MOST_CALLS,
    RecognisedCall,
    hermes_call,
    hinted,
    is_hermes,
    tool_calls_of,
)
from stormproof.episode.tool_names import Vocabulary

_LONGEST = 60_000
_MOST_LENIENT = 4
_REACH = 1_000
_OBJECT = re.compile(
    r"\{\s{0,20}[\"'](?:name|tool|tool_name|function|function_name|action|tool_calls?|type|id)"
    r"[\"']\s{0,5}:"
)
_LABEL = (
    r"(?:(?:next )?(?:tool|action|function)(?: to (?:execute|call|use))?|tool[_ ]call|tool[_ ]name"
    r"|call|execut(?:e|ing)|run(?:ning)?|calling|invoke)"
)
_LINE = (
    rf"^[ \t>`*\"'(]{{0,8}}(?P<label>{_LABEL}[`*\"' ]{{0,4}}[:=]?[`*\"' ]{{0,4}})?"
    r"(?P<junk>[a-z]{0,6})(?P<name>NAMES)(?P<rest>[^\n]*)"
)
_CLOSING = re.compile(r"[\s`*\"').:!;…]*")
_ARGUMENTS = re.compile(r"[`*\"']{0,3}\s{0,3}(?:[({\[]|[a-z_]{1,40}=\S)", re.IGNORECASE)
_INPUT_LABEL = re.compile(
    r"[\s`*-]{0,10}(?:action[_ ]input|parameters?|arguments?|args|input)[`*]{0,3}\s?:",
    re.IGNORECASE,
)


def tool_calls_without_tags(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Calls in other forms; the first form that is found is the message's."""
    if len(text) > 2 * _LONGEST:
        text = text[:_LONGEST] + "\n" + text[-_LONGEST:]
    return (
        _in_objects(text, vocabulary) or _in_lines(text, vocabulary) or _announced(text, vocabulary)
        if vocabulary.is_in(text)
        else []
    )


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


def _in_lines(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Lines that are a call and nothing else; a claim to be done makes them a list of the past."""
    lines = _line(vocabulary.pattern.pattern).finditer(text)
    matches = list(itertools.islice(lines, MOST_CALLS))
    called = [call for m in matches if (call := _with_arguments(text, m, vocabulary))]
    if not called:
        alone = [m for m in matches if _is_alone(m)]
        named = {m.group("name").lower() for m in alone}
        called = [_named(m.group("name"), vocabulary) for m in alone[:1] if len(named) == 1]
    return called if called and not says_done(text) else []


def _announced(text: str, vocabulary: Vocabulary) -> list[RecognisedCall]:
    """Announced in words, with a closing list of the tool's arguments; without one it is talk."""
    before, _, after = text[-2 * _REACH :].rstrip().rpartition("\n\n")
    name = hinted(before[-_REACH:], vocabulary) if after[:1] in ("-", "*") else ""
    properties = vocabulary.properties(name)
    arguments = read_arguments(after, properties).values
    listed = bool(arguments) and set(arguments) <= set(properties)
    return [RecognisedCall(name, arguments, repaired=True)] if name and listed else []


@functools.lru_cache(8)
def _line(names: str) -> re.Pattern[str]:
    """A line that begins with one of the names, whose pattern is given."""
    return re.compile(_LINE.replace("NAMES", names), re.IGNORECASE | re.MULTILINE)


def _is_alone(match: re.Match[str]) -> bool:
    return _CLOSING.fullmatch(match.group("rest")) is not None


def _with_arguments(
    text: str, match: re.Match[str], vocabulary: Vocabulary
) -> RecognisedCall | None:
    rest = match.group("rest")
    call = _named(match.group("name"), vocabulary)
    following = text[match.end() : match.end() + 4_000]
    if _is_alone(match):
        given = following if match.group("label") and _INPUT_LABEL.match(following) else ""
        if not given:
            return None
    elif _ARGUMENTS.match(rest):
        given = rest + following if rest.lstrip("`*\"' ")[:1] in ("{", "(", "[") else rest
    else:
        return None
    arguments = read_arguments(given.lstrip("`*\"' "), vocabulary.properties(call.name))
    if not arguments.values and rest.strip("`*\"' ;")[:2] not in ("()", "{}", "[]"):
        return None
    return RecognisedCall(call.name, arguments.values, repaired=True)


def _named(name: str, vocabulary: Vocabulary) -> RecognisedCall:
    return RecognisedCall(vocabulary.resolve(name).name, repaired=True)
