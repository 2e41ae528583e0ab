"""One line of a journal: a checksum and a JSON record, itself a JSON object for other tools.

    {"crc":"89abcdef","record":{…}}

The checksum is the CRC-32 of the record's bytes as they stand. Every other byte of the line is
fixed, so no single changed byte goes unseen. A record is the folder's header, a turn, or an
episode without its turns.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar
from zlib import crc32

import msgspec
from msgspec import Struct

from stormproof.domain.episodes import Episode, Outcome, Turn
from stormproof.errors import StoreCorrupt, StoreError
from stormproof.store.header import Header

_T = TypeVar("_T")
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
_CRC_AT = len('{"crc":"')
_RECORD_AT = len('{"crc":"89abcdef","record":')


def to_line(record: bytes) -> bytes:
    """The record as a checksummed line. JSON text has no raw line break, so it stays one line."""
    return b'{"crc":"%08x","record":%b}\n' % (crc32(record), record)


def crc_in(line: bytes) -> int:
    """The checksum that a line as we write it tells."""
    return int(line[_CRC_AT : _CRC_AT + 8], 16)


def record_of(line: bytes) -> bytes | None:
    """The record of a whole line, or None where the line does not check out.

    What an editor or a transfer puts round a line (CR LF, a byte order mark) is no part of it.
    """
    if line.startswith(BOM_UTF8) or line.endswith(b"\r\n"):
        line = line.removeprefix(BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r") + b"\n"
    record = line[_RECORD_AT:-2]
    return record if line == to_line(record) else None


class JournalLine(NamedTuple):
    """One line as found: `record` is None where it does not check out."""

    number: int
    offset: int
    length: int
    record: bytes | None
    is_ended: bool = True

    @property
    def is_edited(self) -> bool:
        """Whether a sound record stands in more than the line that was written."""
        return self.record is not None and self.length > _RECORD_AT + len(self.record) + len("}\n")


def read_lines(file: BinaryIO) -> Iterator[JournalLine]:
    """All lines. The last one is not ended where its line break is missing."""
    offset = 0
    for number, line in enumerate(file, start=1):
        if line.endswith(b"\n"):
            yield JournalLine(number, offset, len(line), record_of(line))
        else:
            yield _unended(number, offset, line)
        offset += len(line)


def _unended(number: int, offset: int, line: bytes) -> JournalLine:
    """A torn line, or a whole one that lost its line break only (or has it changed)."""
    text = line.rstrip(b"\0")  # a crash of the machine may leave zeros behind what was written
    record = record_of(text + b"\n") or record_of(text[:-1] + b"\n")
    return JournalLine(number, offset, len(line), record, is_ended=False)


class Totals(Struct, frozen=True):
    """Sums over an episode's turns, so that tables need not read them again.

    `calls` counts tool executions, `attempts` sends of model calls; `endpoints` are in order of
    first use. `cut_off` counts replies that ended at their length limit, `unread` what looked like
    a tool call and could not be read.
    """

    turns: int = 0
    calls: int = 0
    failed_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    format_repairs: int = 0
    format_errors: int = 0
    attempts: int = 0
    endpoints: tuple[str, ...] = ()
    cut_off: int = 0
    unread: int = 0


class HeaderRecord(Struct, frozen=True, tag_field="type", tag="header"):
    """The first line of every journal: whose it is."""

    header: Header


class TurnRecord(Struct, frozen=True, tag_field="type", tag="turn"):
    """One turn of a trial."""

    trial_id: str
    turn: Turn


class EpisodeRecord(Struct, frozen=True, tag_field="type", tag="episode"):
    """The end of a trial: its episode with `turns` left out, as their own lines hold them."""

    episode: Episode
    totals: Totals


class Note(Struct, frozen=True, gc=False):
    """What must be known of a line to know where a trial stands. `outcome` is "" for a turn.

    `at` is the turn's index; for an episode, its number of turns. `answer` tells a turn's answer
    from all others that a model gave, in this process: a hash of what it said, when, and how long
    it took.
    """

    trial_id: str
    at: int
    outcome: Outcome | Literal[""]
    answer: int = 0

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands, whatever it says."""
        return self.trial_id, self.at


class _ReplyHead(Struct):
    text: str


class _AnswerHead(Struct):
    reply: _ReplyHead
    latency_ms: float = 0.0
    at: float = 0.0


class _TurnPlace(Struct):
    index: int
    answer: _AnswerHead


class _TurnHead(Struct, tag_field="type", tag="turn"):
    trial_id: str
    turn: _TurnPlace


class _TrialHead(Struct):
    trial_id: str


class _EpisodeBrief(Struct):
    trial: _TrialHead
    outcome: Outcome


class _TurnCount(Struct):
    turns: int


class _EpisodeHead(Struct, tag_field="type", tag="episode"):
    episode: _EpisodeBrief
    totals: _TurnCount


def turn_record(trial_id: str, turn: Turn) -> bytes:
    """A turn as a journal record."""
    return encode(TurnRecord(trial_id, turn))


def episode_record(episode: Episode) -> bytes:
    """An episode as a journal record."""
    bare = msgspec.structs.replace(episode, turns=())
    return encode(EpisodeRecord(bare, totals_of(episode.turns)))


def totals_of(turns: Sequence[Turn]) -> Totals:
    """Sum up the turns."""
    executions = [e for turn in turns for e in turn.executions]
    usages = [turn.answer.reply.usage for turn in turns]
    return Totals(
        turns=len(turns),
        calls=len(executions),
        failed_calls=sum([not e.ok for e in executions]),
        prompt_tokens=sum([u.prompt_tokens for u in usages]),
        completion_tokens=sum([u.completion_tokens for u in usages]),
        format_repairs=sum([turn.format_repairs for turn in turns]),
        format_errors=sum([turn.format_error for turn in turns]),
        cut_off=sum([turn.answer.reply.finish_reason == "length" for turn in turns]),
        unread=sum([turn.unread for turn in turns]),
        attempts=sum([turn.answer.attempts for turn in turns]),
        endpoints=tuple(dict.fromkeys(turn.answer.endpoint_id for turn in turns)),
    )


def head_of(record: bytes) -> Header | Note:
    """Enough of a record to place it. Raises one of UNREADABLE for what is no record."""
    kind: Any = HeaderRecord | _TurnHead | _EpisodeHead
    head = _decode(record, kind)
    if isinstance(head, HeaderRecord):
        return head.header
    if isinstance(head, _TurnHead):
        return turn_note(head.trial_id, head.turn)
    return Note(head.episode.trial.trial_id, head.totals.turns, head.episode.outcome)


def note_of(record: bytes) -> Note:
    """The note of a record that is a turn or an episode."""
    head = head_of(record)
    assert isinstance(head, Note)  # noqa: S101  headers belong to no trial
    return head


def turn_note(trial_id: str, turn: Turn | _TurnPlace) -> Note:
    """The note of a turn, be it whole or read for this alone."""
    answer = turn.answer
    said = hash((answer.at, answer.latency_ms, answer.reply.text))
    return Note(trial_id, turn.index, "", said)


def encode(record: Struct) -> bytes:
    """JSON on one line. Half a surrogate pair, which models do write, is kept as an escape.

    Raises StoreError for what is nested some thousand levels deep.
    """
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(record), separators=(",", ":")).encode()
    except RecursionError:
        raise StoreError(
            "a record is nested too deep to be stored", hint="report this: a reply got past a check"
        ) from None


def decode(record: bytes, kind: type[_T]) -> _T:
    """The inverse of `encode`. Raises StoreCorrupt where the record is of another shape."""
    try:
        return _decode(record, kind)
    except UNREADABLE as error:
        raise StoreCorrupt(
            f"a stored record is not of this format: {error}: {record[:80]!r}…",
            hint="read the folder with the Stormproof that wrote it",
        ) from None


def _decode(record: bytes, kind: type[_T]) -> _T:
    try:
        return _decoder(kind).decode(record)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(record), kind)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: type[_T]) -> msgspec.json.Decoder[_T]:
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    return _decoders[kind]
