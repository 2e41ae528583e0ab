"""Reading a results folder without its lock, also while a run is writing it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from stormproof.domain.episodes import Episode
from stormproof.errors import StoreError
from stormproof.store.disk import store_errors
from stormproof.store.header import read_header
from stormproof.store.journal import Entry, Log, corrupt, scan
from stormproof.store.part_listing import list_files
from stormproof.store.parts import (
    RawEpisode,
    SealedPart,
    raw_episode,
    read_episode_records,
    read_notes,
    read_rows,
)
from stormproof.store.record_lines import EpisodeRecord, Note, TurnRecord, decode, note_of
from stormproof.store.spans import SpanReader, journal_numbers, journal_path
from stormproof.store.unsealed import check_half, drop_sealed

_LOOKS = 100  # a seal comes every few thousand episodes: two looks do, unless a name is broken


class CurrentPart(NamedTuple):
    """A part and what of it is current: of a trial with several episodes the newest counts."""

    part: SealedPart
    own: set[str]  # the trials whose newest episode is this part's; no other part names them
    is_whole: bool  # whether these are all of the part's trials


class Snapshot:
    """One consistent view: the parts in place, and the ended trials that no part has yet."""

    def __init__(self, parts: list[SealedPart], log: Log, reader: SpanReader) -> None:
        self._parts = parts  # all in place, by number
        # Trials that have ended in the journals: each stands before any part's.
        self.entries = {t: e for t, e in log.entries.items() if e.episode is not None}
        # Trials under way in the journals: turns came that no ended episode is made of.
        self._begun = {t: e for t, e in log.entries.items() if not e.is_settled}
        self._reader = reader

    def sealed(self) -> Iterator[CurrentPart]:
        """Each part with the trials whose newest episode it has."""
        notes = [[*read_notes(part)] for part in self._parts]
        newest = {note.trial_id: place for place, own in enumerate(notes) for note in own}
        for place, part in enumerate(self._parts):
            ids = {note.trial_id for note in notes[place]}
            own = {t for t in ids if newest[t] == place and t not in self.entries}
            yield CurrentPart(part, own, is_whole=len(own) == len(notes[place]))

    def rows(self, ids: Collection[str] | None = None) -> Iterator[RawEpisode]:
        """The standing episode of every trial (of `ids`, where given), with its turns."""
        wanted = None if ids is None else set(ids)
        for part, own, _ in self.sealed():
            chosen = own if wanted is None else own & wanted
            if chosen:
                yield from (row for _, row in read_rows(part, chosen))
        for trial_id, entry in self.entries.items():
            if wanted is None or trial_id in wanted:
                yield self.row(entry)

    def episodes(self) -> Iterator[tuple[Note, bytes]]:
        """The standing record of every trial that has ended, without its turns."""
        for part, own, _ in self.sealed():
            yield from (found for found in read_episode_records(part) if found[0].trial_id in own)
        for entry in self.entries.values():
            assert entry.episode is not None  # noqa: S101  only what has ended is among them
            record = self._reader.record(entry.episode)
            yield note_of(record), record

    def open_turns(self) -> Iterator[tuple[str, tuple[bytes, ...]]]:
        """Of every trial under way: the turns that are paid for. It may have an episode too."""
        for trial_id, entry in self._begun.items():
            yield trial_id, tuple(map(self._reader.record, entry.turns))

    def unfinished_turns(self) -> Iterator[bytes]:
        """The records of turns that are in no ended episode, as a trial run again repeats some."""
        ended = {note.trial_id: note.at for part in self._parts for note in read_notes(part)}
        for trial_id, entry in self._begun.items():
            known = len(entry.ended) if entry.episode is not None else ended.get(trial_id, 0)
            yield from (self._reader.record(span) for span in entry.turns[known:])

    def row(self, entry: Entry) -> RawEpisode:
        """The records of an ended trial in the journals."""
        return raw_episode(self._reader, entry)


@contextmanager
def snapshot(folder: Path | str) -> Iterator[Snapshot]:
    """Open a view. Raises StoreError where there are no results, StoreCorrupt where damaged.

    Journals are opened before parts are listed: what a running writer seals and removes in
    between is then seen in one of the two.
    """
    folder = Path(folder)
    read_header(folder)
    with ExitStack() as stack, store_errors("read", folder):
        files = _open_journals(folder)
        reader = stack.enter_context(SpanReader(folder, files))
        found = list_files(folder)
        parts = [part for part in found if part.episodes is not None]
        log = Log()
        for number in sorted(files):
            _take_in(folder, number, files[number], log)
        drop_sealed(log, parts)
        for part in found:
            if part.episodes is None and part in list_files(folder):  # not of a seal since then
                check_half(log, part)
        yield Snapshot(parts, log, reader)


def _take_in(folder: Path, number: int, fd: int, log: Log) -> None:
    with open(fd, "rb", closefd=False) as file:
        found = scan(file, number, log)
    if found.bad:
        raise corrupt(journal_path(folder, number), found)


def _open_journals(folder: Path) -> dict[int, int]:
    for _ in range(_LOOKS):
        files: dict[int, int] = {}
        try:
            for number in journal_numbers(folder):
                files[number] = os.open(journal_path(folder, number), os.O_RDONLY)
        except FileNotFoundError:  # sealed between the listing and the opening: look again
            for fd in files.values():
                os.close(fd)
        else:
            return files
    raise StoreError(
        f"{folder}: its journals change faster than they can be read", hint="try again"
    )


def read_episodes(folder: Path | str, ids: Collection[str] | None = None) -> Iterator[Episode]:
    """The standing episode of every trial that has ended (of `ids`, where given), whole.

    Raises StoreError where there are no results, StoreCorrupt where they do not check out.
    """
    with snapshot(folder) as view:
        for row in view.rows(ids):
            yield episode_of(row)


def episode_of(row: RawEpisode) -> Episode:
    """Put an episode and its turns together."""
    turns = tuple(decode(record, TurnRecord).turn for record in row.turns)
    return msgspec.structs.replace(decode(row.episode, EpisodeRecord).episode, turns=turns)
