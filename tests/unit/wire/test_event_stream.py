from __future__ import annotations

import pytest

from stormproof.wire.event_stream import EventReader, ServerEvent, begins_stream

STREAM = b": ping\r\n\r\nevent: error\r\ndata: one\r\ndata: two\r\n\r\nid: 7\ndata:\xc3\xa9\n\n"
EVENTS = [ServerEvent("error", "one\ntwo"), ServerEvent("", "é")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(STREAM)])
def test_events_are_the_same_wherever_their_bytes_are_cut(size: int) -> None:
    reader = EventReader()
    parts = (STREAM[at : at + size] for at in range(0, len(STREAM), size))
    assert [event for part in parts for event in reader.feed(part)] == EVENTS
    assert reader.held == 0


def test_objects_with_one_line_end_between_them_are_events_of_their_own() -> None:
    assert [e.data for e in EventReader().feed(b'data: {"a":1}\ndata: {"b":2}\n')] == [
        '{"a":1}',
        '{"b":2}',
    ]


def test_what_is_under_way_at_the_end_is_an_event_too() -> None:
    reader = EventReader()
    assert list(reader.feed(b"data: [DO")) == []
    assert reader.held == 9
    assert list(reader.feed(b"NE]")) == []
    assert list(reader.end()) == [ServerEvent("", "[DONE]")]


@pytest.mark.parametrize(
    ("part", "content_type", "is_stream"),
    [
        (b'data: {"a"', "application/json", True),
        (b": OPENROUTER PROCESSING", "text/plain", True),
        (b"\xef\xbb\xbf\r\nevent: x", "", True),
        (b"da", "text/event-stream; charset=utf-8", True),
        (b'{"error": 1}', "text/event-stream", False),
        (b" <html>", "text/event-stream", False),
        (b'{"choices": []}', "application/json", False),
    ],
)
def test_a_stream_is_known_by_its_first_bytes(
    part: bytes, content_type: str, *, is_stream: bool
) -> None:
    assert begins_stream(part, content_type) == is_stream
