"""From journals to sealed parts, in steps of which each leaves a folder that tells all.

1. A new journal appears with a copy of all that has not ended (rename).
2. The part's turns appear, then its episodes (renames): now the old journals are superfluous.
3. The old journals are removed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from stormproof.store.disk import store_errors
from stormproof.store.journal import (
    Entry,
    JournalWriter,
    SpanReader,
    journal_numbers,
    journal_path,
)
from stormproof.store.parts import (
    RawEpisode,
    SealedPart,
    StorageFormat,
    raw_episode,
    read_rows,
    write_part,
)


class Sealing:
    """Seals what the writer's journals hold. `begin` excludes writing, `finish` does not."""

    def __init__(self, folder: Path, writer: JournalWriter) -> None:
        # Ended and on the way into a part; settled, all of them, and in no log any more. `begin`
        # adds, `finish` empties it once the part is in place.
        self.entries: dict[str, Entry] = {}
        self.guard = threading.Lock()  # held while a part is on its way, whoever still waits
        self._folder, self._writer = folder, writer

    def begin(self) -> None:
        """Step 1."""
        self.entries |= self._writer.rotate()

    def finish(self, form: StorageFormat) -> dict[str, SealedPart]:
        """Steps 2 and 3. Gives the sealed trials that are to be run again, with their part."""
        with self.guard:
            part = write_part(self._folder, self._writer.number - 1, form, self._rows)
            remove_superfluous(self._folder, part.number)
            sealed, self.entries = self.entries, {}
        return {t: part for t, entry in sealed.items() if entry.outcome != "completed"}

    def _rows(self) -> Iterator[RawEpisode]:
        with store_errors("read", self._folder), SpanReader(self._folder) as reader:
            for entry in self.entries.values():
                yield raw_episode(reader, entry)


def remove_superfluous(folder: Path, sealed: int) -> None:
    """Remove the journals that went into the part with this number and earlier ones."""
    for number in journal_numbers(folder):
        if number <= sealed:
            with store_errors("remove", journal_path(folder, number)):
                journal_path(folder, number).unlink(missing_ok=True)


def is_unfinished(folder: Path, part: SealedPart) -> bool:
    """Whether a seal was cut short after the part's turns: the journals still hold all of it."""
    return part.episodes is None and any(n <= part.number for n in journal_numbers(folder))


class SealedTurns:
    """Turns of sealed trials that are to be run again, read a part at a time when asked for."""

    def __init__(self, folder: Path, parts: Mapping[str, SealedPart]) -> None:
        self._folder = folder
        # The part that has the standing episode of each trial that is to be run again: a seal
        # adds, and a trial that completes leaves. What has completed is never in it.
        self._parts = dict(parts)
        # Turn records of trials among `_parts`, from the part named there: what was read once.
        self._read: dict[str, tuple[bytes, ...]] = {}

    def add(self, parts: Mapping[str, SealedPart]) -> None:
        """Take in what was just sealed."""
        self._parts |= parts
        for trial_id in parts:
            self._read.pop(trial_id, None)

    def forget(self, trial_id: str) -> None:
        """The trial has completed."""
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
