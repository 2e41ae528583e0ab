"""Nearly JSON: values as models write them, with Python's literals, bare keys, brackets missing.

Reading is linear in the text and bounded in depth, so that no text can hang it.
"""

from __future__ import annotations

import re
from typing import Any

from stormproof.episode.json_values import read_json, read_whole

LONGEST = 100_000
_DEEPEST = 40
_MOST_FAILURES = 250
_WORDS = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_SPACE = re.compile(r"\s*")
KEY = re.compile(
    r"[\s,;*_-]{0,40}[\"'`\u201c]?([A-Za-z$]\w{0,60})[\"'`\u201d]?\**\s{0,3}[=:](?!//)\s{0,3}"
)
_BARE_END = re.compile(r"[,\]})\n;<]|\s")
_LINE_END = re.compile(r"\n|\s{1,3}[#(]|</|[\]})]\s{0,9}$")
_REMARK = re.compile(r"[ \t]*[(#][^\n]*")
_QUOTED = {
    quote: re.compile(rf"{quote}{quote}{quote}(.*?){quote}{quote}{quote}"
                      rf"|{quote}((?:[^{quote}\\]++|\\.)*+){quote}", re.DOTALL)
    for quote in ("'", '"', "`")
} | {"\u201c": re.compile("\u201c()([^\u201d]*)\u201d")}  # fmt: skip
_ESCAPED = re.compile(r"\\([ntr'\"`\\])")
_MEANT = {"n": "\n", "t": "\t", "r": "\r"}


def read_object(text: str, start: int = 0) -> tuple[dict[str, Any], int] | None:
    """A JSON object at `start` and where it ends, or None."""
    try:
        value, end = read_json(text, start)
    except ValueError:
        return None
    return (value, end) if isinstance(value, dict) else None


def lenient_object(text: str, start: int = 0) -> dict[str, Any]:
    """An object at `start` in nearly JSON; {} where there is none."""
    read = read_object(text, start)
    if read is not None:
        return read[0]
    value = Scanner(text[start : start + LONGEST]).value(0)
    return value if isinstance(value, dict) else {}


def as_object(value: Any) -> dict[str, Any]:
    """A dict, or the one that a JSON text holds, else empty."""
    if isinstance(value, str):
        return lenient_object(value.strip())
    return value if isinstance(value, dict) else {}


def parsed(text: str) -> Any:
    """A JSON value if the text is one, nearly; else the text."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    value = _word(text)
    return Scanner(text).value(0) if value is text and text[:1] in ("{", "[") else value


def _word(text: str) -> Any:
    """The JSON value that the text is, or the text itself."""
    try:
        return read_whole(text)
    except ValueError:
        return text


class Scanner:
    """Reads nearly-JSON values from one text, left to right, never going back."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at  # where the next value may begin; it never goes back, so that reading ends
        self.broken_off = False  # true for good once a quoted text had no end
        self._failures = 0  # of `_strict`; from _MOST_FAILURES on it tries no more

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
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
        if first in _QUOTED:
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
            match = KEY.match(self.text, self.at)
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
        if quote == '"' and not self.text.startswith('"""', self.at):
            read = self._strict(inside) if self.text[inside : inside + 1] == "{" else None
            if read and self.text[read[1] : read[1] + 1] == quote:
                self.at = read[1] + 1
                return read[0]
            read = self._strict(self.at)
            if read:
                value, self.at = read
                return value
        literal = _QUOTED[quote].match(self.text, self.at)
        self.at = literal.end() if literal else len(self.text)
        said = literal[1] or literal[2] or "" if literal else self._unended(inside)
        return _ESCAPED.sub(lambda escape: _MEANT.get(escape[1], escape[1]), said)

    def _unended(self, at: int) -> str:
        """A quoted text without an end: up to the brackets that close what it stands in."""
        said = self.text[at:].rstrip()
        inside = said.rstrip("}]) \t\r\n")
        self.broken_off |= inside == said
        return inside

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
