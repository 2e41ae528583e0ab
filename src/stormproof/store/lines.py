"""One line of a journal: a checksum and a JSON record, itself a JSON object for other tools.

    {"crc":"89abcdef","record":{…}}

The checksum is the CRC-32 of the record's bytes as they stand. Every other byte of the line is
fixed, so no single changed byte goes unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple
from zlib import crc32

_RECORD_AT = len('{"crc":"89abcdef","record":')


def to_line(record: bytes) -> bytes:
    """The record as a checksummed line. JSON text has no raw line break, so it stays one line."""
    return b'{"crc":"%08x","record":%b}\n' % (crc32(record), record)


def record_of(line: bytes) -> bytes | None:
    """The record of a whole line, or None where the line does not check out."""
    record = line[_RECORD_AT:-2]
    return record if line == to_line(record) else None


class Line(NamedTuple):
    """One line as found: `record` is None where it does not check out."""

    number: int
    offset: int
    length: int
    record: bytes | None
    is_ended: bool = True


def read_lines(file: BinaryIO) -> Iterator[Line]:
    """All lines. The last one is not ended where its line break is missing."""
    offset = 0
    for number, line in enumerate(file, start=1):
        if line.endswith(b"\n"):
            yield Line(number, offset, len(line), record_of(line))
        else:
            yield _unended(number, offset, line)
        offset += len(line)


def _unended(number: int, offset: int, line: bytes) -> Line:
    """A torn line, or a whole one that lost its line break only (or has it changed)."""
    text = line.rstrip(b"\0")  # a crash of the machine may leave zeros behind what was written
    record = record_of(text + b"\n") or record_of(text[:-1] + b"\n")
    return Line(number, offset, len(line), record, is_ended=False)
