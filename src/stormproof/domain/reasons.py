"""Why episodes gave no result, counted: reasons that differ in numbers alone are one reason.

Every view of it groups here, so that all say the same of the same episodes.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

UNKNOWN = "no reason was recorded"
MOST_SHOWN = 5
LONGEST = 300  # characters of a text that are kept
# Said of an HTTP 500 where calls were asked for in the text protocol's form.
COLLIDING = "a server that reads <tool_call> as JSON by itself fails so: --protocol hermes"
# What differs from one answer to the next: ids, counts, instants. The status of an answer does not.
_VARYING = re.compile(
    r"(?<!HTTP )(?<!\d)"
    r"(?:\b(?:req|chatcmpl|call|run)[-_][\w-]+|\b(?=[\da-f-]*\d)[\da-f-]{8,}\b"
    r"|\b(?=\w*\d)\w{16,}\b|\d+)",
    re.IGNORECASE,
)


class Reason(Struct, frozen=True):
    """How many episodes ended for a reason.

    `text` is as one of them recorded it: the first in the alphabet, whatever order they came in.
    """

    text: str
    count: int

    def __str__(self) -> str:
        """Its count and its text."""
        return f"{self.count:,} × {self.text}"


class Reasons:
    """Reasons as they come. Memory goes by the kinds of reasons, not by their number."""

    def __init__(self) -> None:
        # By what stays when all that varies is left out; a text of each, and how many.
        self._texts: dict[tuple[bool, str], str] = {}
        self._counts = Counter[tuple[bool, str]]()

    def add(self, text: str, *, is_suites: bool = False) -> None:
        """One episode's reason; `is_suites` where a tool, a goal check or a scorer broke."""
        text, general = _read(text)
        kind = is_suites, general
        self._texts[kind] = min(text, self._texts.get(kind, text))
        self._counts[kind] += 1

    def counted(self, *, is_suites: bool | None = None) -> tuple[Reason, ...]:
        """The most frequent first; `is_suites` leaves the other sort out."""
        found = [
            Reason(self._texts[kind], count)
            for kind, count in self._counts.items()
            if is_suites in {None, kind[0]}
        ]
        return tuple(sorted(found, key=lambda reason: (-reason.count, reason.text)))


@functools.lru_cache(10_000)
def _read(text: str) -> tuple[str, str]:
    """A text as it is shown, and without all that varies in it."""
    text = " ".join(text.split()) or UNKNOWN
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return shown, _VARYING.sub("#", text.lower())


def counted(texts: Iterable[str]) -> tuple[Reason, ...]:
    """Reasons of infrastructure episodes (`Episode.error`), grouped: the most frequent first."""
    reasons = Reasons()
    for text in texts:
        reasons.add(text)
    return reasons.counted()


def in_lines(reasons: Iterable[Reason], most: int = MOST_SHOWN) -> list[str]:
    """A line for each of the `most` frequent, and one for the rest."""
    shown = list(reasons)
    lines = [str(reason) for reason in shown[:most]]
    if rest := shown[most:]:
        lines.append(f"{sum(r.count for r in rest):,} for {len(rest):,} other reasons")
    return lines
