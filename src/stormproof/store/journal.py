"""The journals of a folder: written in groups that are durable when the call returns, scanned.

`journal-000007.jsonl` starts with the folder's header; then come turns and episodes. Numbers
only grow. A journal is superfluous once all that it says stands in parts and newer journals.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from msgspec import Struct

from stormproof.domain.episodes import FINAL
from stormproof.errors import StoreCorrupt, StoreError
from stormproof.store.disk import store_errors, write_all, write_whole
from stormproof.store.header import Header
from stormproof.store.record_lines import (
    UNREADABLE,
    HeaderRecord,
    JournalLine,
    Note,
    crc_in,
    encode,
    head_of,
    note_of,
    read_lines,
    to_line,
)
from stormproof.store.spans import Span, SpanReader, journal_name, journal_path

GROUP = 50  # lines made durable together at most


class Entry:
    """One trial as the open journals tell it: the newest line of each turn, and of its end.

    A turn that comes after the end opens the trial again, be it a further one or one that takes
    an earlier's place: an `infrastructure` episode is being run once more. The episode stands as
    it was, with the turns it was made of, until the new one is there.
    """

    __slots__ = ("ended", "episode", "is_settled", "outcome", "turns")

    def __init__(self) -> None:
        # The newest line of every turn, at its number: no gaps, and all of one conversation.
        # `turn` sets one, and cuts what came of another answer; `end` cuts.
        self.turns: list[Span] = []
        # The newest end, and the lines of the turns it was made of. Only `end` sets the three,
        # together; before the first end they are None, () and "".
        self.episode: Span | None = None
        self.ended: tuple[Span, ...] = ()
        self.outcome = ""
        # Whether nothing came after the end; then `turns` are those of `ended`.
        self.is_settled = False

    @property
    def spans(self) -> list[Span]:
        """All lines that the entry stands on, in an order that gives the same entry again."""
        if self.episode is None:
            return self.turns
        pairs = zip(self.ended, self.turns, strict=False)
        same = next((i for i, (old, new) in enumerate(pairs) if old != new), len(self.ended))
        return [*self.ended, self.episode, *self.turns[same:]]

    def contradicted(self, note: Note, span: Span) -> Span | None:
        """What an older journal says in place of this line; None where both tell one story.

        A journal tells a trial from its start, and one that follows on another begins with copies
        of all that goes on. So its first word on a turn, and on a final end, is the older one's
        last, but for how an answer is read; and what it says first comes behind a turn of its own.
        Otherwise it is another machine's, whose turns are of another conversation.
        """
        if note.outcome:
            known = [self.episode] if self.episode and self.outcome in FINAL else []
            agrees = any(old.crc == span.crc for old in known)
        else:
            known = self.told(note.at)
            agrees = any(old.answer == span.answer for old in known)
        if agrees or any(old.journal == span.journal for old in known):
            return None
        before = self.turns[note.at - 1 : note.at] if note.at else []
        return next((old for old in [*known, *before] if old.journal != span.journal), None)

    def told(self, index: int) -> list[Span]:
        """The lines of a turn that count: of the trial as it goes on, and of its end."""
        return [turns[index] for turns in (self.turns, self.ended) if index < len(turns)]

    def turn(self, index: int, span: Span) -> None:
        """Put a turn in its place, at the end or over the one that stood there.

        What came after that one stays only if this is the same answer, read in another way.
        """
        is_same = index < len(self.turns) and self.turns[index].answer == span.answer
        self.turns[index : index + 1 if is_same else None] = [span]
        self.is_settled = False

    def end(self, note: Note, span: Span) -> None:
        """Put the episode in its place."""
        del self.turns[note.at :]
        self.episode, self.ended, self.outcome = span, tuple(self.turns), note.outcome
        self.is_settled = True


class Log:
    """Where every trial of the open journals stands: an index of places, not of contents."""

    def __init__(self) -> None:
        # By trial id, in order of first mention. `put` alone puts one in; none is ever empty.
        self.entries: dict[str, Entry] = {}
        # How many of the entries are settled; `put` and `drop` keep it in step.
        self.settled = 0

    def add(self, note: Note, span: Span) -> str:
        """Take in one line; says what is wrong with it, or "".

        Lines that were carried into a new journal may be met twice: the second time changes
        nothing in the end.
        """
        entry = self.entries.get(note.trial_id) or Entry()
        if len(entry.turns) < note.at:
            return f"turn {len(entry.turns)} of trial {note.trial_id} is missing before it"
        if old := entry.contradicted(note, span):
            return f"{journal_name(old.journal)} tells trial {note.trial_id} in another way"
        self.put(note, span)
        return ""

    def put(self, note: Note, span: Span) -> None:
        """Take in a line that goes on from what there is: ours, or one that was looked at."""
        entry = self.entries.get(note.trial_id)
        if entry is None:
            entry = self.entries[note.trial_id] = Entry()
        self.settled -= entry.is_settled
        if note.outcome:
            entry.end(note, span)
        else:
            entry.turn(note.at, span)
        self.settled += entry.is_settled

    def settled_entries(self) -> dict[str, Entry]:
        """Those of trials that have ended and are not run once more."""
        return {t: entry for t, entry in self.entries.items() if entry.is_settled}

    def drop(self, trial_id: str) -> None:
        """Let go of a trial: all that is said of it stands elsewhere."""
        self.settled -= self.entries.pop(trial_id).is_settled

    def follows(self, note: Note, span: Span) -> bool:
        """Whether a line that came too early goes on from what there is, and replaces nothing."""
        entry = self.entries.get(note.trial_id) or Entry()
        is_next = note.at == len(entry.turns) and not (note.outcome and entry.episode)
        return is_next and not entry.contradicted(note, span)


class Damage(Struct, frozen=True):
    """A line that cannot be used."""

    line: int
    offset: int
    why: str


class Scan(Struct):
    """What a journal was found to hold. `take` counts: every ended line is good or bad."""

    header: Header | None = None  # the newest copy among the good lines
    good: int = 0
    bad: dict[int, Damage] = {}  # by offset, in order; none of them is in the log
    # Those of the bad that came before the turn that they follow, by trial.
    early: dict[str, list[tuple[Note, Span]]] = {}
    # Good lines that were early, by offset: the line that they were taken in behind, and when.
    moved: dict[int, tuple[int, int]] = {}
    edited: int = 0  # of the good: those with bytes around them that Stormproof never writes
    tail: JournalLine | None = None  # a last line without its line break: in neither count yet

    @property
    def damage(self) -> list[Damage]:
        """What is bad, in order of the lines."""
        return [*self.bad.values()]


def scan(file: BinaryIO, number: int, log: Log) -> Scan:
    """Read all of a journal into the log. What does not check out is listed, never used."""
    found = Scan()
    for line in read_lines(file):
        if line.is_ended:
            take(line, number, log, found)
        else:
            found.tail = line
    return found


def take(line: JournalLine, number: int, log: Log, found: Scan) -> None:
    """Take one line into the log, and those that waited for it; or list what is wrong with it."""
    why = _wrong(line, number, log, found)
    if why:
        found.bad[line.offset] = Damage(line.number, line.offset, why)
    else:
        found.good += 1
    found.edited += line.is_edited


def _wrong(line: JournalLine, number: int, log: Log, found: Scan) -> str:
    if line.record is None:
        return "its checksum does not fit"
    try:
        head = head_of(line.record)
    except UNREADABLE as error:
        return f"it is no record of this format ({error})"
    if isinstance(head, Header):
        found.header = head
        return ""
    span = Span(number, line.offset, line.length, crc32(line.record), head.answer)
    why = log.add(head, span)
    if why:
        found.early.setdefault(head.trial_id, []).append((head, span))
    elif head.trial_id in found.early:
        _take_early(head.trial_id, line.offset, log, found)
    return why


def _take_early(trial_id: str, behind: int, log: Log, found: Scan) -> None:
    """Lines that somebody put in another order are all there: they are taken as they follow."""
    waiting = found.early.pop(trial_id)
    while fitting := next((each for each in waiting if log.follows(*each)), None):
        waiting.remove(fitting)
        log.add(*fitting)
        del found.bad[fitting[1].offset]
        found.good += 1
        found.moved[fitting[1].offset] = (behind, len(found.moved) + 1)
    if waiting:
        found.early[trial_id] = waiting


def corrupt(path: Path, found: Scan) -> StoreCorrupt:
    """The one clear error for a journal that is damaged before its end."""
    first = found.damage[0]
    more = f" (and {len(found.bad) - 1} more lines)" if len(found.bad) > 1 else ""
    return StoreCorrupt(
        f"{path}, line {first.line}{more}: {first.why}; the other {found.good} lines are sound",
        hint=f"run: stormproof repair {path.parent} (it keeps a copy; lost turns are run again)",
    )


class PendingLine(Struct, frozen=True, gc=False):
    """A line to be written and what it says."""

    data: bytes
    note: Note


def pending(record: bytes) -> PendingLine:
    """The line of a record that stood in a journal, to be written into another."""
    return PendingLine(to_line(record), note_of(record))


class JournalWriter:
    """Appends to the newest journal and keeps the log in step. Blocking: for worker threads.

    One thread is inside at a time, even where a caller was cancelled and another came.
    """

    def __init__(self, folder: Path, header: Header, number: int, log: Log) -> None:
        # What every line of the journal says, the appended ones once they are durable. `append`
        # adds to it and `_begin` puts a new one in its place, both under the guard. The loop reads
        # it meanwhile, so the new one must be whole by then.
        self.log = log
        # Of the journal being written, the highest there is; all that is not sealed stands in it.
        # `_begin` sets it.
        self.number = number
        self._folder, self._header = folder, header
        self._guard = threading.Lock()  # held by whichever thread is inside
        self._fd: int  # open on `path` from `_open` to `close` or the next `_open`
        self._size: int  # bytes of the file that the log knows: the place of the next line
        if self.path.exists():
            self._open()
        else:
            self._begin(number, log.entries.values())

    @property
    def path(self) -> Path:
        """The journal being written."""
        return journal_path(self._folder, self.number)

    def append(self, lines: Sequence[PendingLine]) -> None:
        """Write the lines, so many at a time; they are durable on return. Raises StoreError."""
        with self._guard:
            with store_errors("write", self.path):
                for at in range(0, len(lines), GROUP):
                    some = lines[at : at + GROUP]
                    write_all(self._fd, b"".join([line.data for line in some]))
                    os.fsync(self._fd)
            self._check_place()
            for line in lines:
                self.log.put(line.note, self._next_span(line))
                self._size += len(line.data)

    def rotate(self) -> dict[str, Entry]:
        """Begin a new journal with all that is unsettled; gives what has settled before it.

        The settled entries leave the log; the caller seals them and then removes the journals.
        """
        with self._guard:
            settled = self.log.settled_entries()
            open_entries = [e for e in self.log.entries.values() if not e.is_settled]
            before = self._fd
            self._begin(self.number + 1, open_entries)
            os.close(before)
            return settled

    def close(self) -> None:
        """Close the file once no thread is writing."""
        with self._guard:
            os.close(self._fd)

    def _begin(self, number: int, entries: Iterable[Entry]) -> None:
        """Make a new journal with copies of all that the entries stand on, and go over to it."""
        with store_errors("read", self._folder), SpanReader(self._folder) as reader:
            carried = (to_line(reader.record(span)) for entry in entries for span in entry.spans)

            def fill(file: BinaryIO) -> None:
                file.write(to_line(encode(HeaderRecord(self._header))))
                file.writelines(carried)

            write_whole(journal_path(self._folder, number), fill)
        log, path = Log(), journal_path(self._folder, number)
        with store_errors("read", path), path.open("rb") as file:
            scan(file, number, log)
        self.number, self.log = number, log
        self._open()

    def _open(self) -> None:
        with store_errors("open", self.path):
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            self._size = os.fstat(self._fd).st_size

    def _next_span(self, line: PendingLine) -> Span:
        """Where a line stands that comes next."""
        crc = crc_in(line.data)
        return Span(self.number, self._size, len(line.data), crc, line.note.answer)

    def _check_place(self) -> None:
        """A deleted file takes writes without a word; ask whether it is still the one we see."""
        try:
            is_there = os.path.samestat(os.stat(self.path), os.fstat(self._fd))  # noqa: PTH116
        except OSError:
            is_there = False
        if not is_there:
            raise StoreError(
                f"cannot write {self.path}: the file has been moved or deleted during the run",
                hint="put the folder back, then run the same command again",
            )
