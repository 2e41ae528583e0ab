"""Opening a folder for writing: lock, header, what a crash left, what open journals hold."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from stormproof.domain.episodes import FINAL
from stormproof.errors import StoreCorrupt, StoreLocked
from stormproof.store.disk import (
    TEMPORARY,
    forget_cached,
    store_errors,
    sync_folder,
    write_all,
    write_whole,
)
from stormproof.store.header import HEADER_FILE, Header, check_same, read_header, write_header
from stormproof.store.journal import JournalWriter, Log, Scan, corrupt, scan, take
from stormproof.store.part_listing import list_files, list_parts, numbers_met_twice
from stormproof.store.parts import (
    EPISODES,
    TURNS,
    SealedPart,
    half,
    read_notes,
)
from stormproof.store.record_lines import JournalLine, to_line
from stormproof.store.sealing import remove_journals
from stormproof.store.spans import journal_name, journal_numbers, journal_path
from stormproof.store.unsealed import check_half, drop_sealed

_Said = TypeVar("_Said")
LOCK_FILE = "lock"
SAMPLES_FILE = "pool.jsonl"


class Opened(Struct):
    """A folder in our hands: recovered, and written by nobody else until the lock is released."""

    lock: FolderLock
    writer: JournalWriter  # at the newest journal, its log in step with all open journals
    samples: int  # the open pool.jsonl, at the beginning of a line
    finished: set[str]  # trials whose standing episode is final, in a journal or a part
    blocked: set[str]  # those of them that a provider's filter ended
    sealed_unfinished: dict[str, SealedPart]  # the others that parts hold, with their newest part
    notices: tuple[str, ...]  # what had to be mended, a line each, for people to read


def open_folder(folder: Path, header: Header) -> Opened:
    """Lock, check, recover. Blocking. Raises StoreError and its kinds."""
    with store_errors("open", folder):
        is_new = not folder.is_dir()
    if is_new:
        with store_errors("make", folder):
            folder.mkdir(parents=True)
        with suppress(OSError):  # a parent that we may not read syncs in its own time
            sync_folder(folder.parent)
    lock = FolderLock(folder)
    try:
        return _recover(folder, header, lock)
    except BaseException:
        lock.release()
        raise


def _recover(folder: Path, header: Header, lock: FolderLock) -> Opened:
    header = _header(folder, header)
    _remove_unfinished(folder)
    files = list_files(folder)
    parts = [part for part in files if part.episodes is not None]
    log = Log()
    notices = [
        f"several parts have the number {number}; all are read, and repair renumbers them"
        for number in numbers_met_twice(parts)
    ]
    numbers = journal_numbers(folder)
    if lock.failure:
        notices.append(f"the last run could not go on: {lock.failure}")
    for number in numbers:
        is_last = number == numbers[-1]
        notices += _take_in(folder, number, log, is_last=is_last, was_failing=bool(lock.failure))
    drop_sealed(log, parts)
    _tidy(files, log)
    standing, unfinished = _sealed(parts)
    for trial_id, entry in log.entries.items():
        if entry.outcome:
            standing.take(trial_id, entry.outcome)
    notices += _strangers(log, parts)
    writer = JournalWriter(folder, header, _own_number(numbers, parts), log)
    remove_journals(folder, below=writer.number)
    return Opened(
        lock=lock,
        writer=writer,
        samples=_samples(folder / SAMPLES_FILE),
        finished=standing.finished,
        blocked=standing.blocked,
        sealed_unfinished=unfinished,
        notices=tuple(notices),
    )


class _Standing:
    """Trials by what became of them, when all their episodes are taken in order."""

    def __init__(self) -> None:
        # Those whose newest outcome is final; and among them those that were blocked.
        self.finished: set[str] = set()
        self.blocked: set[str] = set()

    def take(self, trial_id: str, outcome: str) -> bool:
        """An episode that stands in the place of any earlier one; whether it is final."""
        is_final = outcome in FINAL
        (self.finished.add if is_final else self.finished.discard)(trial_id)
        (self.blocked.add if outcome == "blocked" else self.blocked.discard)(trial_id)
        return is_final


def _sealed(parts: list[SealedPart]) -> tuple[_Standing, dict[str, SealedPart]]:
    """What became of sealed trials, and those that are to be run again with their part."""
    standing, unfinished = _Standing(), dict[str, SealedPart]()
    for part in parts:  # the highest part's episode of a trial stands
        for note in read_notes(part):
            if standing.take(note.trial_id, note.outcome):
                unfinished.pop(note.trial_id, None)
            else:
                unfinished[note.trial_id] = part
    return standing, unfinished


def _header(folder: Path, wanted: Header) -> Header:
    if (folder / HEADER_FILE).exists():
        stored = read_header(folder)
        check_same(folder, stored, wanted)
        return stored
    if journal_numbers(folder) or list_parts(folder):
        raise StoreCorrupt(
            f"{folder} holds results but no {HEADER_FILE}",
            hint=f"run: stormproof repair {folder} (the journals hold a copy)",
        )
    write_header(folder, wanted)
    return wanted


def _remove_unfinished(folder: Path) -> None:
    """Remove the files that were never whole."""
    with store_errors("tidy up", folder):
        for pattern in ("header.json*", "journal-*", f"{EPISODES}/part-*", f"{TURNS}/part-*"):
            for path in folder.glob(pattern + TEMPORARY):
                path.unlink()


def _tidy(files: list[SealedPart], log: Log) -> None:
    """Remove turns that a seal cut short left without their episodes: the journals hold them."""
    for part in files:
        if part.turns is None:
            raise half(part)
        if part.episodes is None:
            turns = check_half(log, part)
            with store_errors("remove", turns):
                turns.unlink()


def _strangers(log: Log, parts: list[SealedPart]) -> Iterator[str]:
    """Journals that parts of their age should hold, and do not."""
    newest_part = max((part.number for part in parts), default=0)
    newest_lines = (entry.spans[-1] for entry in log.entries.values())
    for number in sorted({span.journal for span in newest_lines}):
        if number <= newest_part:
            yield f"{journal_name(number)} holds what no part does (of another folder?): taken in"


def _own_number(numbers: list[int], parts: list[SealedPart]) -> int:
    """The one journal that is newer than all parts; else of a new one, which takes in the rest."""
    newest_part = max((part.number for part in parts), default=0)
    if len(numbers) == 1 and numbers[0] > newest_part:
        return numbers[0]
    return max([newest_part, *numbers]) + 1


def _take_in(folder: Path, number: int, log: Log, *, is_last: bool, was_failing: bool) -> list[str]:
    path = journal_path(folder, number)
    forget_cached(path)  # whatever is built on it now was on the disk
    with store_errors("read", path), path.open("rb") as file:
        found = scan(file, number, log)
    tail = found.tail
    if tail is not None and (tail.record is not None or not is_last):
        take(tail._replace(length=_whole(tail)), number, log, found)
    if found.bad:
        raise corrupt(path, found)
    said = [f"{path.name}: {what}" for what in _found(found, was_failing=was_failing)]
    if tail is not None:
        said.append(_trim(path, tail) if tail.record is None else _mend(path, tail))
    return said


def _found(found: Scan, *, was_failing: bool) -> Iterator[str]:
    """What a failing disk left of a journal, and what somebody has done to it."""
    if was_failing:
        yield f"read from the disk again: {found.good} lines check out"
    if found.edited:
        yield f"lines with other line ends or a byte order mark, read all the same: {found.edited}"
    if found.moved:
        yield f"lines that stand before the turn they follow, read behind it: {len(found.moved)}"


def _whole(tail: JournalLine) -> int:
    return len(to_line(tail.record or b""))


def _trim(path: Path, tail: JournalLine) -> str:
    """Move a torn line aside. It was never acknowledged: its turn is run again."""
    aside = path.with_name(f"{path.name}.{tail.offset}.damaged")
    with store_errors("repair", path), path.open("rb+") as file:
        file.seek(tail.offset)
        torn = file.read()
        write_whole(aside, lambda copy: copy.write(torn))
        file.truncate(tail.offset)
        os.fsync(file.fileno())
    return f"{path.name}: an unfinished last line ({len(torn)} bytes) was moved to {aside.name}"


def _mend(path: Path, tail: JournalLine) -> str:
    """Give a whole line its line break back, over the same bytes: it is never gone meanwhile."""
    with store_errors("repair", path), path.open("rb+") as file:
        file.seek(tail.offset)
        file.write(to_line(tail.record or b""))
        file.truncate(tail.offset + _whole(tail))
        os.fsync(file.fileno())
    return f"{path.name}: the last line was given its line break back"


def _samples(path: Path) -> int:
    """pool.jsonl, ready to be appended to; a torn last line is ended first."""
    with store_errors("open", path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            write_all(fd, b"\n")
        sync_folder(path.parent)
    return fd


class Holder(Struct, frozen=True):
    """Who holds the lock. `started` tells two processes apart that had the same pid."""

    pid: int
    host: str
    started: str = ""


class Failure(Struct, frozen=True):
    """What stands in the lock of a writer that could not write any more."""

    failed: str


class FolderLock:
    """Held from construction to `release`. Raises StoreLocked naming the process that has it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self.failure = ""  # of the writer before us, in its words; set once, by `_take`
        with store_errors("open", self._path):
            # Open, and locked where the file system can, from here to `release`.
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
        except BaseException:
            os.close(self._fd)
            raise

    def _take(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._locked(self._said(Holder)) from None
        except OSError:  # a file system without locks: the word of the file is all there is
            holder = self._said(Holder)
            if holder is not None and _may_live(holder):
                raise self._locked(holder) from None
        failure = self._said(Failure)
        self.failure = failure.failed if failure else ""
        with store_errors("write", self._path):
            self._say(_this_process())

    def release(self, failed: str = "") -> None:
        """Let the next process in, and tell it why nothing more could be written, if that is so."""
        try:
            # Where even this cannot be written, what stands there names a process that is gone.
            with suppress(OSError):
                self._say(Failure(failed) if failed else None)
        finally:
            with suppress(OSError):
                os.close(self._fd)

    def _say(self, what: Holder | Failure | None) -> None:
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        write_all(self._fd, msgspec.json.encode(what) + b"\n" if what else b"")

    def _said(self, kind: type[_Said]) -> _Said | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return None

    def _locked(self, holder: Holder | None) -> StoreLocked:
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        return StoreLocked(
            f"{self._path.parent} is in use by {who}",
            hint="wait for it, stop it, or choose another folder with --results FOLDER",
        )


def _this_process() -> Holder:
    return Holder(os.getpid(), socket.gethostname(), _started(os.getpid()))


def _may_live(holder: Holder) -> bool:
    """False only where the process is known to be gone; another machine's is beyond our sight."""
    return holder.host != socket.gethostname() or _started(holder.pid) == holder.started != ""


def _started(pid: int) -> str:
    """The process's start in clock ticks since boot; "" where it is gone or unknown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
