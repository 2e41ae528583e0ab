"""Chunks of a reply put together into the body that would have come without streaming. No I/O.

Chunks are OpenAI's `chat.completion.chunk` as services bend it: tool calls in pieces by their
index, or whole and all under index 0 (Gemini); ids and names said once, or with every piece;
usage in a chunk of its own, in each, or in the choice (Moonshot); a closing `message`; an error
in the place of a chunk, of a choice, or as an event of that name.
"""

from __future__ import annotations

import json
from contextlib import suppress
from io import StringIO
from typing import Any

import msgspec

from stormproof.wire.event_stream import EventReader, ServerEvent

_END = "[DONE]"
_OF_THE_REPLY = ("id", "object", "created", "model", "system_fingerprint")
_SAID_ONCE = frozenset({"id", "name", "role", "type", "index"})
_FRAME = 64  # bytes that a value takes beside its text, about
_MOST_CHOICES = 128  # what `n` may be at most; more are somebody's joke


class StreamedReply:
    """Takes a stream's bytes as they come. `body` is what has come of the reply."""

    __slots__ = ("_choices", "_error", "_has_begun", "_is_done", "_kept", "_reader", "_reply")

    def __init__(self) -> None:
        self._reader = EventReader()
        self._reply: dict[str, Any] = {}  # what chunks say beside choices, as said last
        # By index, in the form of a whole reply's; texts that grow are StringIO.
        self._choices: dict[int, dict[str, Any]] = {}
        self._error: Any = None  # the first that came; nothing after it counts
        self._has_begun = False  # true from the first chunk on in which the model said anything
        self._is_done = False  # true from `[DONE]` on
        self._kept = 0  # bytes that `_choices` take, about; only grows

    @property
    def held(self) -> int:
        """Bytes in memory, about."""
        return self._kept + self._reader.held

    @property
    def has_begun(self) -> bool:
        """Whether the model has said anything; before that it may think for minutes unheard."""
        return self._has_begun

    @property
    def is_done(self) -> bool:
        """Whether the end mark has come."""
        return self._is_done

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing: an error, the end mark, or an end to each choice."""
        ends = [bool(choice["finish_reason"]) for choice in self._choices.values()]
        return self._error is not None or self._is_done or (bool(ends) and all(ends))

    def feed(self, part: bytes) -> None:
        """Take the next bytes, wherever they were cut."""
        for event in self._reader.feed(part):
            self._take(event)

    def body(self) -> bytes:
        """A chat completion's JSON, or the error object; it may be asked once no more comes."""
        for event in self._reader.end():
            self._take(event)
        if self._error is not None:
            return _written({"error": self._error})
        choices = [self._choices[index] for index in sorted(self._choices)]
        return _written(self._reply | {"choices": choices})

    def _take(self, event: ServerEvent) -> None:
        if event.data.strip() == _END:
            self._is_done = True
            return
        chunk = _read(event.data)
        if event.name == "error" and not (isinstance(chunk, dict) and "error" in chunk):
            chunk = {"error": chunk or event.data}
        if isinstance(chunk, dict) and self._error is None:
            with suppress(RecursionError):  # nested deeper than anything that is meant
                self._take_chunk(chunk)

    def _take_chunk(self, chunk: dict[str, Any]) -> None:
        self._error = chunk.get("error") or None
        self._reply |= {name: chunk[name] for name in _OF_THE_REPLY if name in chunk}
        choices, usage = chunk.get("choices"), chunk.get("usage")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                usage = choice.get("usage") or usage
                self._error = self._error or choice.get("error") or None
                self._take_choice(choice)
        if isinstance(usage, dict):
            self._reply["usage"] = usage

    def _take_choice(self, said: dict[str, Any]) -> None:
        index = said.get("index")
        index = index if isinstance(index, int) and 0 <= index < _MOST_CHOICES else 0
        choice = self._choices.setdefault(index, {"message": {}, "finish_reason": None})
        choice["finish_reason"] = said.get("finish_reason") or choice["finish_reason"]
        if isinstance(said.get("delta"), dict):
            self._has_begun |= any(said["delta"][name] for name in said["delta"].keys() - {"role"})
            self._kept += _merge(choice["message"], said["delta"])
        elif isinstance(said.get("message"), dict):  # all of it once more, at the end
            choice["message"] = said["message"]
            self._kept += _weight(said["message"])


def _read(data: str) -> Any:
    """The JSON value, or None. Half an emoji is taken: its other half may be in the next chunk."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return None


def _written(value: Any) -> bytes:
    try:
        return _encode(value)
    except UnicodeEncodeError:  # halves that never met; whoever reads the body knows these
        return json.dumps(value, default=_joined).encode()


def _joined(text: StringIO) -> str:
    """What has grown, halves of emojis put together."""
    said = text.getvalue()
    return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(enc_hook=_joined).encode


def _merge(whole: dict[str, Any], delta: dict[str, Any]) -> int:
    """Add what a chunk says of a message to what came before; how many bytes that takes."""
    taken = 0
    for name, piece in delta.items():
        known = whole.get(name)
        taken += _FRAME * (name not in whole)
        if name in _SAID_ONCE:
            whole[name] = said = _said_once(name, known, piece)
            taken += 0 if said is known else _weight(said)
        elif isinstance(piece, str):
            if not isinstance(known, StringIO):
                known = whole[name] = StringIO()
            taken += known.write(piece)
        elif isinstance(piece, dict):
            if not isinstance(known, dict):
                known = whole[name] = {}
            taken += _merge(known, piece)
        elif isinstance(piece, list):
            if not isinstance(known, list):
                known = whole[name] = []
            taken += _merge_calls(known, piece) if name == "tool_calls" else _extend(known, piece)
        elif piece is not None or known is None:
            whole[name] = piece
    return taken


def _extend(known: list[Any], pieces: list[Any]) -> int:
    known += pieces
    return sum(map(_weight, pieces))


def _merge_calls(calls: list[dict[str, Any]], pieces: list[Any]) -> int:
    """A piece goes on with the call of its index, unless it brings an id of its own."""
    taken = 0
    for piece in pieces:
        if isinstance(piece, dict):
            call = _call_of(calls, piece)
            if call is None:
                calls.append(call := {})
                taken += _FRAME
            taken += _merge(call, piece)
    return taken


def _call_of(calls: list[dict[str, Any]], piece: dict[str, Any]) -> dict[str, Any] | None:
    """The call that a piece goes on with; None where it begins one."""
    index, identity, function = piece.get("index"), piece.get("id"), piece.get("function")
    same = calls if index is None else [call for call in calls if call.get("index") == index]
    last = same[-1] if same else None
    if last is None or (identity and last.get("id")):
        return last if last and last["id"] == identity else None
    begins = index is None and isinstance(function, dict) and function.get("name")
    return None if begins else last


def _said_once(name: str, known: Any, piece: Any) -> Any:
    """What is said once or with every piece again; a tool's name may come in pieces too."""
    if piece in (None, "", known):
        return known
    is_more = name == "name" and isinstance(known, str) and isinstance(piece, str)
    return known + piece if is_more else piece


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return _FRAME + sum(len(name) + _weight(inner) for name, inner in value.items())
    return _FRAME + sum(map(_weight, value)) if isinstance(value, list) else _FRAME
