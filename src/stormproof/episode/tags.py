"""Where a message's tags are, however they are written, and what belongs to each.

One linear pass each; every repetition in a pattern is bounded or cannot start twice at one place.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from stormproof.episode.json_values import Objects
from stormproof.episode.markup import with_plain_thoughts
from stormproof.episode.tool_names import Vocabulary

Kind = Literal["call", "search", "info", "done"]

_FULL = (
    r"tool[_\- \u2581]?calls?|tool[_\- ]?search|tool[_\- ]?info(?:rmation)?"
    r"|function[_\- ]?calls?|call[_\- ]tool|python_tag"
)
_DONE = r"task[_\- ]?complet(?:e|ed|ion)|all_done|done|finish(?:ed)?|final_answer"
_TAG = re.compile(rf"<\s?[|\uff5c]?\s?(/?)\s?({_FULL}|{_DONE})(?![\w'])([^<>]*)(>?)", re.IGNORECASE)
_LESSER_TAG = re.compile(
    r"<\s?(/?)\s?(tool_name|tool_use|use_tool|tool|function|invoke|execute|action|call)(?![\w'])([^<>]*)(>?)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(rf"[\[(](/?)({_FULL})[\])]", re.IGNORECASE)
_CUT_OFF = re.compile(r"<(?:t(?:o(?:o(?:l(?:_(?:c(?:a(?:l)?)?)?)?)?)?)?)?\s{0,9}\Z")
_THOUGHT = re.compile(r"<(/?)(think|thinking|thought|analysis_channel)>", re.IGNORECASE)
_THOUGHTS = {"analysis_channel": "channel"}  # which is ended by its own kind alone
_ATTRIBUTE = re.compile(r"\s*[\w.-]{1,60}\s?=|\s*=")
_HINT_REACH = 300
_MOST = 256
_LONGEST = 50_000


class Element(Struct, gc=False):
    """A tag with what belongs to it: the text in it, `before` it and `after` its end.

    `closed` is true where its own closing tag ends it.
    """

    kind: Kind
    attributes: str  # "" where what stands in the tag is no attribute; then it begins the body
    body: str
    closed: bool
    before: str  # at most _HINT_REACH characters
    after: str  # "" unless a closing tag ends it

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it, as when an opening tag was written to close another."""
        return not self.attributes and (not self.body or self.body.isspace())


@functools.lru_cache(maxsize=8)
def without_thoughts(text: str) -> tuple[str, str]:
    """The message without its thoughts, and what stood before a lone `</think>`.

    An unclosed `<think>` is thought to the end. Some servers cut the opening tag off: then all
    before the closing one is thought, yet still read where nothing after it asks for anything.

    Remembered for a moment: a reply is read, and then shown to its model.
    """
    text = with_plain_thoughts(text)
    if "<" not in text or _THOUGHT.search(text) is None:
        return text, ""
    kept, at, thinking, orphans = [""], 0, "", 0
    for match in _THOUGHT.finditer(text):
        opens, kind = not match.group(1), _THOUGHTS.get(match.group(2).lower(), "think")
        if thinking and not opens and kind != thinking:
            continue
        if not thinking and (opens or kind == "channel"):
            kept.append(text[at : match.start()])
        elif not thinking:
            orphans, kept = match.start(), [""]
        thinking, at = (thinking or kind) if opens else "", match.end()
    return "".join(kept) + ("" if thinking else text[at:]), text[:orphans]


def elements(text: str) -> list[Element]:
    """The elements that the prompt's tags make; blank ones only where all are."""
    if "<" not in text:
        return []
    return _filled(_elements(text, _TAG))


def lesser_elements(text: str, vocabulary: Vocabulary) -> list[Element]:
    """Tags that the prompt never gave, for a message without the right ones.

    `(tool_call)`, `<tool_name>`, `<execute>`, a tool's own name as the tag, a tag cut off by the
    end of the message.
    """
    if _BRACKETED.search(text):
        return _filled(_elements(_BRACKETED.sub(r"<\1\2>", text), _TAG))
    if "<" not in text:
        return []
    found = _filled(_elements(text, _LESSER_TAG)) or _named_tags(text, vocabulary)
    cut = _CUT_OFF.search(text, max(0, len(text) - 20))
    if not found and cut:
        before = text[max(0, cut.start() - _HINT_REACH) : cut.start()]
        return [Element("call", "", "", closed=False, before=before, after="")]
    return found


def _filled(found: list[Element]) -> list[Element]:
    return [e for e in found if not e.is_blank or e.kind == "done"] or found[-1:]


def _elements(text: str, pattern: re.Pattern[str]) -> list[Element]:
    tags = list(itertools.islice(_tags(text, pattern), _MOST))
    found: list[Element] = []
    for at, tag in enumerate(tags):
        if tag.group(1):
            continue
        following = tags[at + 1] if at + 1 < len(tags) else None
        found.append(_element(text, tag, following, _start(tags, at + 2, text)))
    return found


def _tags(text: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """The tags in order; what stands in a tag's JSON object is its text, and no tag."""
    at, objects = 0, Objects(text)
    while tag := pattern.search(text, at):
        yield tag
        at = tag.end() if tag.group(1) else objects.past(tag.end())


def _start(tags: list[re.Match[str]], at: int, text: str) -> int:
    return tags[at].start() if at < len(tags) else len(text)


def _element(text: str, tag: re.Match[str], following: re.Match[str] | None, end: int) -> Element:
    kind = _kind(tag.group(2).lower())
    attributes = tag.group(3)
    body = text[tag.end() : following.start() if following else len(text)]
    self_closed = attributes.endswith("/")
    attributes = attributes.rstrip("/|\uff5c ")
    if not _ATTRIBUTE.match(attributes):
        attributes, body = "", attributes.lstrip(":| ") + body
    closed = self_closed or bool(
        following and following.group(1) and _kind(following.group(2).lower()) == kind
    )
    ended = following is not None and bool(following.group(1))
    return Element(
        kind=kind,
        attributes=attributes,
        body=body,
        closed=closed and tag.group(2) == tag.group(2).lower(),
        before=text[max(0, tag.start() - _HINT_REACH) : tag.start()],
        after=text[following.end() : end] if following and ended else "",
    )


def _named_tags(text: str, vocabulary: Vocabulary) -> list[Element]:
    """`<network_fetcher source="…"/>`: the body begins with the tool's name."""
    found: list[Element] = []
    for match in itertools.islice(vocabulary.pattern.finditer(text), _MOST):
        start, end = match.span()
        if text[start - 1 : start] == "<":
            close = text.find(f"</{match.group()}", end)
            body = text[start : close if close >= 0 else len(text)][:_LONGEST].replace(">", " ", 1)
            found.append(Element("call", "", body, closed=False, before="", after=""))
            if close < 0:
                break
    return found


def _kind(name: str) -> Kind:
    if "search" in name:
        return "search"
    if "info" in name:
        return "info"
    return "call" if ("tool" in name or "call" in name or name in _CALLS) else "done"


_CALLS = frozenset({"python_tag", "function", "invoke", "execute", "action"})
