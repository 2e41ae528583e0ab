"""What a folder's journals say that its parts do not.

A seal that was cut short leaves journals whose trials stand in a part, and turns of a part whose
trials stand in journals. Files of two folders put into one leave the same names with other trials
in them. So numbers decide nothing here: each trial is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from stormproof.domain.episodes import FINAL
from stormproof.errors import StoreCorrupt
from stormproof.store.journal import Entry, Log
from stormproof.store.parts import (
    SealedPart,
    checked,
    file_records,
    half,
    read_episode_records,
    read_notes,
)
from stormproof.store.record_lines import Note
from stormproof.store.spans import Span, journal_name


def drop_sealed(log: Log, parts: Iterable[SealedPart]) -> None:
    """Take out of the log what stands in a part, and all else of trials that a part has as final.

    Raises StoreCorrupt where a trial came to one final end in a part and to another in a journal.
    """
    for part in parts if log.entries else ():
        met = {
            note.trial_id
            for note in read_notes(part)
            if (entry := log.entries.get(note.trial_id)) and _may_stand_in(part, note, entry)
        }
        for note, record in read_episode_records(part) if met else ():
            if note.trial_id in met:
                _drop_if_sealed(log, note, crc32(record), part)


def _may_stand_in(part: SealedPart, note: Note, entry: Entry) -> bool:
    """Whether a look at the record is worth it: journals that are newer run the rest again."""
    is_older = entry.episode is not None and entry.episode.journal <= part.number
    return note.outcome in FINAL or (is_older and entry.is_settled)


def _drop_if_sealed(log: Log, note: Note, crc: int, part: SealedPart) -> None:
    entry = log.entries[note.trial_id]
    ended = entry.episode
    if ended is not None and ended.crc != crc and {entry.outcome, note.outcome} <= FINAL:
        raise _contradiction(note.trial_id, ended, part)
    if note.outcome in FINAL or (ended is not None and ended.crc == crc):
        log.drop(note.trial_id)


def check_half(log: Log, part: SealedPart) -> Path:
    """The turns of a part that has nothing else; the log has them all. Raises StoreCorrupt."""
    if part.turns is None or not all(
        _holds(log, note, record) for note, record in file_records(checked(part, part.turns))
    ):
        raise half(part)
    return part.turns


def _holds(log: Log, note: Note, record: bytes) -> bool:
    entry = log.entries.get(note.trial_id) or Entry()
    return crc32(record) in {span.crc for span in entry.told(note.at)}


def _contradiction(trial_id: str, ended: Span, part: SealedPart) -> StoreCorrupt:
    name = journal_name(ended.journal)
    return StoreCorrupt(
        f"{name} and {part.episodes} tell trial {trial_id} in two ways",
        hint=f"put {name} into a folder of its own, with a copy of header.json, "
        "then put the two together: stormproof merge",
    )
