"""Where lines stand in a folder's journals, and reading them from there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Self

from msgspec import Struct

from stormproof.errors import StoreCorrupt
from stormproof.store.record_lines import record_of

_NAME = re.compile(r"journal-([0-9]{6}|[1-9][0-9]{6,})\.jsonl")


def journal_name(number: int) -> str:
    """What the journal with this number is called."""
    return f"journal-{number:06d}.jsonl"


def journal_path(folder: Path, number: int) -> Path:
    """Where it is."""
    return folder / journal_name(number)


def journal_numbers(folder: Path) -> list[int]:
    """Numbers of all journals, ascending."""
    found = (_NAME.fullmatch(path.name) for path in folder.glob("journal-*"))
    return sorted(int(match[1]) for match in found if match)


class Span(Struct, frozen=True, gc=False):
    """Where a line stands, by the journal's number; its record's checksum; `answer` of its note.

    One for each turn is kept until it is sealed, so the collector need not know of them.
    """

    journal: int
    offset: int
    length: int
    crc: int
    answer: int = 0


class SpanReader:
    """Reads single lines of a folder's journals by their spans."""

    def __init__(self, folder: Path, files: dict[int, int] | None = None) -> None:
        self._folder = folder
        # Open files by their journals' numbers: those given, and each that was asked for since.
        # Closed when the `with` ends, by nobody else.
        self._files = files if files is not None else {}

    def line(self, span: Span) -> bytes:
        """The line, with its line break."""
        if span.journal not in self._files:
            path = journal_path(self._folder, span.journal)
            self._files[span.journal] = os.open(path, os.O_RDONLY)
        return os.pread(self._files[span.journal], span.length, span.offset)

    def record(self, span: Span) -> bytes:
        """The line's record. Raises StoreCorrupt where it is no longer what the scan saw."""
        record = record_of(self.line(span))
        if record is None:
            raise StoreCorrupt(
                f"{journal_path(self._folder, span.journal)}, byte {span.offset}: "
                "the line has changed since it was read",
                hint=f"check the disk, then run: stormproof repair {self._folder}",
            )
        return record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._files.values():
            os.close(fd)
