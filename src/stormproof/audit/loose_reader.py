"""The audit's own reader of what a model said: deliberately loose, and not the runner's.

It shares no code with the reader that it judges. It does not say what a call asks for, only that
a tool's name stands beside something like a call: within markup, before arguments, as a value in
JSON, under a label, or alone in the last line. Every pattern is bounded, so reading is linear.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from msgspec import Struct

LONGEST = 100_000  # characters of a message that are read, half of them from its end
_THOUGHTS = re.compile(r"<think(?:ing)?>[\s\S]*?</think(?:ing)?>|^[\s\S]*?</think(?:ing)?>")
# Questions about tools: what is asked about stands in the tag, or in the rest of its line.
_QUESTIONS = re.compile(
    r"<tool_(?P<kind>info|search)>[^<]{0,2000}</tool_(?P=kind)>|tool_(?:info|search)\b[^\n]*",
    re.IGNORECASE,
)
_TAGGED = (
    r"(?:<(?:tool|function|invoke|call|action|execute)|<[|\uff5c]|\[/?TOOL_?CALLS?\]|<\uff5c"
    r"|\bto=|```(?:tool_code|tool_call|tool))(?:(?![.!?]\s|</)[\s\S]){0,80}?(?P<tagged>NAMES)"
)
_BETWEEN = (
    r"(?:[\s\d\"'`*:,;|=>\-\u2192\[\]()]|<[^<>]{0,60}>"
    r"|\b(?:json|args|with|using|arguments|parameters|params|input|the|following)\b){0,30}?"
)
_LABEL = (
    r"(?:next )?(?:tool|function|action|call|execute|invoke)"
    r"(?:[ _](?:to (?:use|call|execute)|name|call))?"
)
_ALONE = r"(?:[\s`*\"'>(]|execut(?:e|ing)\b|call(?:ing)?\b|run(?:ning)?\b){0,8}[a-z]{0,6}"
_BESIDE = (
    rf"(?P<before>NAMES){_BETWEEN}\{{\s{{0,20}}[\"'}}\w]",
    r"(?P<called>NAMES)[\"'`]?\s?\(\s{0,9}(?:\)|[{\[\"']|\w{1,40}\s?[=:])",
    r"[\"']\w{1,40}[\"']\s{0,9}:\s{0,9}\[?\s{0,9}[\"'](?:\w{1,20}\.)?(?P<valued>NAMES)[\"']",
    rf"^\W{{0,8}}{_LABEL}[`*\"']{{0,3}}\s?[:=]\W{{0,6}}(?P<labelled>NAMES)",
    rf"^{_ALONE}(?P<alone>NAMES)[\s`*\"'<.:()]{{0,12}}\Z",
    # Announced, and then nothing but the beginning of a tag.
    r"(?P<announced>NAMES)[^<]{0,300}</?(?:tool_?(?:call)?)?>?\s{0,20}\Z",
)
# Arguments that hold something, in any notation, right behind the name.
_GIVEN = (
    rf"(?P<given>NAMES){_BETWEEN}(?:"
    r"\{\s{0,20}(?![\"'](?:arguments|parameters|args|input)[\"']\s?:\s?(?:\{\s{0,9}\}|null|\"\"))"
    r"[\"']?\w|<[|\uff5ca-z]{0,8}(?:arg_key|parameter)|\(\s{0,9}(?:\{\s{0,9}[\"']|\w{1,40}\s?=))"
)


class Sighting(Struct, frozen=True, gc=False):
    """Tools that a message seems to call: within a call's markup, or beside anything like one."""

    tagged: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    @property
    def tools(self) -> frozenset[str]:
        """All of them."""
        return self.tagged | self.beside


NOTHING = Sighting()


class LooseReader:
    """A reader that knows nothing but the tools' names."""

    def __init__(self, tools: Iterable[str]) -> None:
        # Each tool under its name without case and punctuation; never changed.
        self._tools = {squeezed(tool): tool for tool in tools}
        spelled = sorted(map(_any_spelling, self._tools.values()), key=len, reverse=True)
        names = f"(?:{'|'.join(spelled)})"
        beside = "|".join(_BESIDE)
        self._name = re.compile(names, re.IGNORECASE)
        self._tagged = re.compile(_TAGGED.replace("NAMES", names), re.IGNORECASE)
        self._beside = re.compile(beside.replace("NAMES", names), re.IGNORECASE | re.MULTILINE)
        self._given = re.compile(_GIVEN.replace("NAMES", names), re.IGNORECASE)

    def sees(self, text: str) -> Sighting:
        """What a message seems to call; of its thoughts only where it holds nothing else."""
        said = answer_of(text)
        if self._name.search(said) is None:
            return NOTHING
        said = _QUESTIONS.sub(" ", said)
        return Sighting(self._named(self._tagged, said), self._named(self._beside, said))

    def sees_tagged(self, text: str) -> frozenset[str]:
        """`sees(text).tagged`, in a tenth of the time."""
        return self._named(self._tagged, _QUESTIONS.sub(" ", answer_of(text)))

    def gives_arguments_to(self, text: str) -> frozenset[str]:
        """Tools whose name has arguments behind it that are not empty."""
        return self._named(self._given, answer_of(text))

    def tool(self, name: str) -> str:
        """The tool that a name stands for, wherever in it, else ""."""
        found = self._name.search(name)
        return self._tools[squeezed(found.group())] if found else ""

    def _named(self, form: re.Pattern[str], text: str) -> frozenset[str]:
        found = (match.group(match.lastgroup or 0) for match in form.finditer(text))
        return frozenset(self._tools[squeezed(name)] for name in found)


def answer_of(text: str) -> str:
    """A message without its thoughts, or all of it where nothing else is there."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}\n{text[-LONGEST // 2 :]}"
    rest = _THOUGHTS.sub("", text) if "</think" in text else text
    return rest if rest.strip() else text


@functools.lru_cache(1_000)
def squeezed(name: str) -> str:
    """A name's letters and digits alone."""
    return "".join(c for c in name.casefold() if c.isalnum())


def _any_spelling(tool: str) -> str:
    return r"[_\-. ]?".join(map(re.escape, tool.split("_")))
