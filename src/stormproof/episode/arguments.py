"""Arguments of tool calls, as models write them in either protocol.

JSON, nearly JSON, key=value, key: value lines, XML children in the text protocol; a JSON text in
the native one.

Every reader is linear in its input and bounded in depth, so that no text can hang it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from stormproof.episode.json_values import read_json, read_whole

_LONGEST = 100_000
_DEEPEST = 40
_MOST_CHILDREN = 64
_MOST_FAILURES = 250
ARGUMENT_KEYS = (
    "arguments", "parameters", "args", "params", "kwargs", "input", "action_input", "tool_input",
)  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_SPACE = re.compile(r"\s*")
_FENCE = re.compile(r"\s*```[\w+-]{0,20}[ \t]*\n?")
_LABEL = re.compile(
    r"[\s,.:*_-]{0,20}(?:with\s{1,3})?(?:the\s{1,3})?(?:default\s{1,3})?"
    r"(?:parameters?|arguments?|args|params|inputs?|action input)\b\**[ \t]*[:=]?\**[ \t]*",
    re.IGNORECASE,
)
_KEY = re.compile(r"[\s,;*_-]{0,40}[\"'`]?([A-Za-z$]\w{0,60})[\"'`]?\**\s{0,3}[=:](?!//)\s{0,3}")
_CHILD = re.compile(
    r"<(?:param(?:eter)?\s{1,3}name\s?=\s?[\"']?|param(?:eter)?=)?([A-Za-z]\w{0,60})[\"']?\s?>"
)
_BARE_END = re.compile(r"[,\]})\n;<]|\s")
_REMARK = re.compile(r"[ \t]*[(#][^\n]*")
_POSITIONAL = re.compile(r"\s*[\"'{\[\d-]")
_CLOSERS = {"(": ")", "[": "]"}
_LINE_END = re.compile(r"\n|\s{1,3}[#(]|</|[\]})]\s{0,9}$")


class Arguments(Struct, frozen=True):
    """What was read. `strict` is false where it had to be repaired to be a JSON object.

    `problem` says why nothing could be read, where the reader refuses rather than repairs.
    """

    values: dict[str, Any]
    strict: bool
    problem: str = ""


NOTHING = Arguments({}, strict=True)


def read_arguments(text: str, properties: Mapping[str, Any]) -> Arguments:
    """Arguments at the start of `text`, which follows a tool's name; the rest is prose.

    `properties` are the tool's parameters: their order places positional values, their types
    tell a quoted number or object from a string where the notation quotes everything.
    """
    text = text[:_LONGEST].strip("\\ \t\r\n")
    if not text:
        return NOTHING
    strict = read_object(text) if text[0] == "{" else None
    if strict is not None:
        return Arguments(unwrap(strict[0], properties), strict=True)
    body = _without_label(_without_fence(text))
    if body[:1] == "{":
        return Arguments(unwrap(lenient_object(body), properties), strict=False)
    values = _children(body) if body[:1] == "<" else _pairs(body, properties)
    values = unwrap(values, properties)
    return Arguments({k: _typed(v, properties.get(k)) for k, v in values.items()}, strict=False)


def read_native_arguments(text: str) -> Arguments:
    """The arguments of a native tool call, which are a JSON object or nothing."""
    text = text.strip()
    if not text:
        return NOTHING
    try:
        value = read_whole(text)
    except ValueError as error:
        return Arguments({}, strict=True, problem=f"the arguments are not valid JSON: {error}")
    if isinstance(value, str):  # encoded twice, as some servers do
        return Arguments(lenient_object(value), strict=False)
    if not isinstance(value, dict):
        return Arguments({}, strict=True, problem="the arguments are not a JSON object")
    return Arguments(value, strict=True)


def read_object(text: str, start: int = 0) -> tuple[dict[str, Any], int] | None:
    """A JSON object at `start` and where it ends, or None."""
    try:
        value, end = read_json(text, start)
    except ValueError:
        return None
    return (value, end) if isinstance(value, dict) else None


def lenient_object(text: str, start: int = 0) -> dict[str, Any]:
    """An object at `start` in nearly JSON: Python literals, bare keys, missing brackets."""
    read = read_object(text, start)
    if read is not None:
        return read[0]
    value = _Scanner(text[start : start + _LONGEST]).value(0)
    return value if isinstance(value, dict) else {}


def unwrap(values: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """`{"arguments": {…}}` is its inside, unless the tool has a parameter of that name."""
    if len(values) != 1:
        return values
    [(key, inside)] = values.items()
    if key.lower() not in ARGUMENT_KEYS or key in properties:
        return values
    return as_object(inside) if isinstance(inside, dict | str) else values


def as_object(value: Any) -> dict[str, Any]:
    """A dict, or the one that a JSON text holds, else empty."""
    if isinstance(value, str):
        return lenient_object(value.strip())
    return value if isinstance(value, dict) else {}


def _without_fence(text: str) -> str:
    match = _FENCE.match(text)
    return text[match.end() :].strip() if match else text


def _without_label(text: str) -> str:
    match = _LABEL.match(text)
    return _without_fence(text[match.end() :].strip()) if match else text


def _pairs(text: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """`(a=1, b="x")`, `[a=1]`, `a=1 b=2`, `- a: 1` lines; positional values in brackets."""
    bracketed = text[:1] in ("(", "[")
    scanner = _Scanner(text, 1 if bracketed else 0)
    if bracketed and scanner.peek() == "{":
        return as_object(scanner.value(0))
    found: dict[str, Any] = {}
    while match := _KEY.match(text, scanner.at):
        scanner.at = match.end()
        colon = ":" in match.group()[-4:] and not bracketed
        value = scanner.line() if colon else scanner.value(0)
        if value != "":
            found[match.group(1)] = value
    if found or not bracketed:
        return found
    if not _POSITIONAL.match(text, scanner.at):
        return {}
    return dict(zip(properties, scanner.items(_CLOSERS[text[0]], 0), strict=False))


def _children(text: str) -> dict[str, Any]:
    """`<a>1</a><b>x</b>`, in a `<parameters>` element or not, and `<parameter name="a">`."""
    found: dict[str, Any] = {}
    at = 0
    for _ in range(_MOST_CHILDREN):
        match = _CHILD.search(text, at)
        if match is None:
            break
        name, start = match.group(1), match.end()
        closing = "parameter" if "=" in match.group() else name
        end = text.find(f"</{closing}", start)
        if end < 0 and closing == "parameter":
            end = text.find("</param", start)
        end = end if end >= 0 else _or_end(text.find("<", start), text)
        at = start if name.lower() in ARGUMENT_KEYS and "<" in text[start:end] else end
        if at == end:
            found[name] = text[start:end].strip()
    return found


def _or_end(at: int, text: str) -> int:
    return at if at >= 0 else len(text)


def _typed(value: Any, schema: Any) -> Any:
    """A text as the parameter's schema wants it, where the notation cannot say a type."""
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(value, str):
        return str(value) if wanted == "string" and isinstance(value, int | float) else value
    if wanted == "string" or (wanted is None and value[:1] not in ("{", "[")):
        return value
    return parsed(value)


def parsed(text: str) -> Any:
    """A JSON value if the text is one, nearly; else the text."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    value = _word(text)
    return _Scanner(text).value(0) if value is text and text[:1] in ("{", "[") else value


def _word(text: str) -> Any:
    """The JSON value that the text is, or the text itself."""
    try:
        return read_whole(text)
    except ValueError:
        return text


class _Scanner:
    """Reads nearly-JSON values from one text, left to right, never going back."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at  # where the next value may begin; it never goes back, so that reading ends
        self._failures = 0  # of `_strict`; from _MOST_FAILURES on it tries no more

    def peek(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def value(self, depth: int) -> Any:
        """The next value; a bracket too deep reads as text."""
        first = self.peek()
        if first == "{" and depth < _DEEPEST:
            read = self._strict(self.at)
            if read is None:
                return self._object(depth)
            value, self.at = read
            return value
        if first == "[" and depth < _DEEPEST:
            self.at += 1
            return self.items("]", depth)
        if first and first in "'\"`":
            return self._string(first)
        return self._bare(_BARE_END)

    def line(self) -> Any:
        """A value that ends with its line, as after `key: `."""
        bare = self.peek() not in ("{", "[", '"', "'")
        value = self._bare(_LINE_END) if bare else self.value(0)
        remark = _REMARK.match(self.text, self.at)
        self.at = remark.end() if remark else self.at
        return value

    def items(self, closer: str, depth: int) -> list[Any]:
        """Values up to `closer` or the end of the text."""
        found: list[Any] = []
        while (char := self.peek()) and char != closer:
            before = self.at
            if char not in ",;":
                found.append(self.value(depth + 1))
            if self.at == before:
                self.at += 1
        self.at += 1
        return found

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while (char := self.peek()) and char != "}":
            match = _KEY.match(self.text, self.at)
            if match is None:
                self.at += 1
                continue
            self.at = match.end()
            found[match.group(1)] = self.value(depth + 1)
        self.at += 1
        return found

    def _string(self, quote: str) -> Any:
        """A quoted text; `"{…}"` with unescaped quotes inside is the object it was meant as."""
        inside = self.at + 1
        if quote == '"':
            read = self._strict(inside) if self.text[inside : inside + 1] == "{" else None
            if read and self.text[read[1] : read[1] + 1] == quote:
                self.at = read[1] + 1
                return read[0]
            read = self._strict(self.at)
            if read:
                value, self.at = read
                return value
        end = self.text.find(quote, inside)
        end = end if end >= 0 else len(self.text)
        self.at = end + 1
        return self.text[inside:end]

    def _strict(self, at: int) -> tuple[Any, int] | None:
        """The JSON at `at`; after many failures no more is tried, as each looks at all the text."""
        if self._failures >= _MOST_FAILURES:
            return None
        try:
            return read_json(self.text, at)
        except ValueError:
            self._failures += 1
            return None

    def _bare(self, ending: re.Pattern[str]) -> Any:
        match = ending.search(self.text, self.at)
        end = match.start() if match else len(self.text)
        word = self.text[self.at : end].strip()
        self.at = max(end, self.at)
        return _WORDS[word.lower()] if word.lower() in _WORDS else _word(word)
