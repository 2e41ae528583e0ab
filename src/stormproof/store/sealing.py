"""From journals to sealed parts, in steps of which each leaves a folder that tells all.

1. A new journal appears with a copy of all that has not ended (rename).
2. The part's turns appear, then its episodes (renames): now the old journals are superfluous.
3. The old journals are removed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path

from stormproof.domain.episodes import FINAL
from stormproof.store.disk import store_errors
from stormproof.store.journal import Entry, JournalWriter
from stormproof.store.parts import (
    SealedPart,
    StorageFormat,
    read_rows,
    write_part,
)
from stormproof.store.spans import Span, SpanReader, journal_numbers, journal_path


class SealedTurns:
    """Turns of sealed trials that are to be run again, read a part at a time when asked for."""

    def __init__(self, parts: Mapping[str, SealedPart]) -> None:
        # The newest part of each sealed trial that is to be run again. A seal adds them, also from
        # its thread; a trial that completes leaves.
        self._parts = dict(parts)
        # Turn records of trials among `_parts`, from the part named there: what was read once.
        self._read: dict[str, tuple[bytes, ...]] = {}

    def add(self, trial_ids: Iterable[str], part: SealedPart) -> None:
        """Take in what was just sealed."""
        for trial_id in trial_ids:
            self._parts[trial_id] = part
            self._read.pop(trial_id, None)

    def forget(self, trial_id: str) -> None:
        """The trial has come to a final end."""
        self._parts.pop(trial_id, None)
        self._read.pop(trial_id, None)

    def of(self, trial_id: str) -> tuple[bytes, ...]:
        """The trial's turn records; () where it has none."""
        part = self._parts.get(trial_id)
        if part is None:
            return ()
        if trial_id not in self._read:
            self._read |= {
                note.trial_id: row.turns
                for note, row in read_rows(part)
                if self._parts.get(note.trial_id) == part
            }
        return self._read[trial_id]


class Sealing:
    """Seals what the writer's journals hold. `begin` excludes writing, `finish` does not."""

    def __init__(self, folder: Path, writer: JournalWriter, sealed: SealedTurns) -> None:
        # Ended and on the way into a part; settled, all of them, and in no log any more. `begin`
        # adds, `finish` empties it once the part is in place and `sealed` knows of it.
        self.entries: dict[str, Entry] = {}
        self.guard = threading.Lock()  # held while a part is on its way, whoever still waits
        self._folder, self._writer, self._sealed = folder, writer, sealed

    def begin(self) -> None:
        """Step 1. What leaves the log must be among `entries` before: the loop reads both."""
        self.entries |= self._writer.log.settled_entries()
        self._writer.rotate()

    def finish(self, form: StorageFormat) -> None:
        """Steps 2 and 3; a trial that is to be run again is found in one place all the while."""
        with self.guard:
            part = write_part(
                self._folder,
                self._writer.number - 1,
                form,
                turns=self._records(attrgetter("ended")),
                episodes=self._records(lambda entry: filter(None, [entry.episode])),
            )
            unfinished = (t for t, entry in self.entries.items() if entry.outcome not in FINAL)
            self._sealed.add(unfinished, part)
            self.entries = {}
            remove_journals(self._folder, below=part.number + 1)

    def _records(self, spans_of: Callable[[Entry], Iterable[Span]]) -> Iterator[bytes]:
        """Those lines of all entries, each read once."""
        with store_errors("read", self._folder), SpanReader(self._folder) as reader:
            for entry in self.entries.values():
                yield from map(reader.record, spans_of(entry))


def remove_journals(folder: Path, below: int) -> None:
    """Remove the journals with lower numbers: all they say is in parts and in this one."""
    for number in journal_numbers(folder):
        if number < below:
            with store_errors("remove", journal_path(folder, number)):
                journal_path(folder, number).unlink(missing_ok=True)
