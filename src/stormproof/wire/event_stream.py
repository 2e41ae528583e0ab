"""Bytes into events, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_BLANK = b"\xef\xbb\xbf \r\n\t"  # a byte order mark, and what may stand before a body


class ServerEvent(NamedTuple):
    """One event; `name` is "" where it has none."""

    name: str
    data: str


def begins_stream(part: bytes, content_type: str) -> bool:
    """Whether a body is a stream of events, by its first bytes: servers misname both kinds."""
    start = part.lstrip(_BLANK)
    is_named = content_type.startswith("text/event-stream")
    return start.startswith(_FIELDS) or (is_named and not start.startswith((b"{", b"[", b"<")))


class EventReader:
    """Takes bytes as they come, and gives the events that they complete."""

    __slots__ = ("_data", "_name", "_rest", "held")

    def __init__(self) -> None:
        self._rest = bytearray()  # a line whose end has not come
        self._name = ""  # of the event under way
        self._data: list[str] = []  # its lines
        self.held = 0  # bytes and characters that wait in `_rest` and `_data`

    def feed(self, part: bytes) -> Iterator[ServerEvent]:
        """The events that end in this part. A comment is none."""
        self._rest += part
        if b"\n" in part:
            *lines, self._rest = self._rest.replace(b"\r\n", b"\n").split(b"\n")
            for line in lines:
                yield from self._take(line.decode("utf-8", "replace"))
        self.held = len(self._rest) + sum(map(len, self._data))

    def end(self) -> Iterator[ServerEvent]:
        """What was under way, once no more comes."""
        yield from self.feed(b"\n\n")

    def _take(self, line: str) -> Iterator[ServerEvent]:
        field, _, text = line.partition(":")
        text = text.removeprefix(" ")
        if field == "event":
            self._name = text
        elif field == "data":
            self._data.append(text)
        # Some servers put one line end between events, not two; theirs are objects on one line.
        is_complete = field == "data" and text.startswith("{") and text.rstrip().endswith("}")
        if self._data and (not line or is_complete):
            yield ServerEvent(self._name, "\n".join(self._data))
            self._data = []
        if not line:
            self._name = ""
