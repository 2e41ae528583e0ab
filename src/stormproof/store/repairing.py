"""`stormproof repair`: keep all that checks out, keep a copy of all that does not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stormproof.errors import StoreCorrupt, StoreError
from stormproof.store.disk import store_errors, sync_folder, write_whole
from stormproof.store.header import HEADER_FILE, Header, read_header, write_header
from stormproof.store.journal import Log, Scan, scan, take
from stormproof.store.part_listing import list_files, numbers_met_twice
from stormproof.store.parts import (
    EPISODES,
    TURNS,
    RawEpisode,
    SealedPart,
    read_rows,
    salvage,
    turns_of,
    write_part,
)
from stormproof.store.record_lines import read_lines, to_line
from stormproof.store.recovery import FolderLock
from stormproof.store.spans import journal_numbers, journal_path
from stormproof.store.unsealed import check_half


def repair(folder: Path | str) -> tuple[str, ...]:
    """Mend what is damaged; gives what was done, a line each; () where all is sound.

    Every file is copied to a `.damaged` file beside it before it is changed. Trials that lost
    a turn or their end are run again, from that turn on, by the next run. Raises StoreLocked
    while a run is writing, StoreError where there is nothing to build upon.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise StoreError(f"{folder} is no folder", hint="name the folder of a run")
    lock = FolderLock(folder)
    try:
        done = [*_mend_header(folder)]
        log = Log()
        for number in journal_numbers(folder):
            done += _mend_journal(folder, number, log)
        for part in list_files(folder):
            done += _mend_part(folder, part, log)
        return (*done, *_renumber(folder))
    finally:
        lock.release()


def _mend_header(folder: Path) -> Iterator[str]:
    try:
        read_header(folder)
    except StoreCorrupt:
        aside = _copy_aside(folder / HEADER_FILE)
        write_header(folder, _header_in_journals(folder))
        yield f"{HEADER_FILE}: could not be read, rebuilt from a journal; the old one is {aside}"
    except StoreError:
        if (folder / HEADER_FILE).exists():
            raise
        write_header(folder, _header_in_journals(folder))
        yield f"{HEADER_FILE}: was missing, rebuilt from a journal"


def _header_in_journals(folder: Path) -> Header:
    for number in journal_numbers(folder):
        header = _scan(folder, number, Log()).header
        if header is not None:
            return header
    raise StoreError(
        f"{folder} has neither a readable {HEADER_FILE} nor a journal that holds a copy of it",
        hint=f"restore {HEADER_FILE} from another copy of the folder",
    )


def _mend_part(folder: Path, part: SealedPart, log: Log) -> Iterator[str]:
    try:
        if part.episodes is None:
            check_half(log, part)
        else:
            for _ in read_rows(part):
                pass
    except StoreError:
        rows, lost = salvage(part)
        old = [path for path in (part.episodes, part.turns) if path is not None]
        copies = [_copy_aside(path) for path in old]
        new = _rewrite(folder, part, rows) if rows else None
        _remove({*old} - ({new.episodes, new.turns} if new else set()))
        yield (
            f"{EPISODES} and {TURNS}, part {part.number}: {len(rows)} episodes were saved, "
            f"{lost} were not; the old files are {', '.join(copies)}"
        )


def _rewrite(folder: Path, part: SealedPart, rows: list[RawEpisode]) -> SealedPart:
    episodes = (row.episode for row in rows)
    return write_part(folder, part.number, part.form, turns=turns_of(rows), episodes=episodes)


def _renumber(folder: Path) -> Iterator[str]:
    """Give each part a number of its own, in the order in which they stand, below all journals.

    From the highest down, each part copied before it goes: wherever this ends, nothing is lost.
    """
    parts = list_files(folder)
    numbers = numbers_met_twice(parts)
    if not numbers:
        return
    room = len(parts) - len({part.number for part in parts})
    for number in reversed(journal_numbers(folder)):
        if number > parts[-1].number:
            with store_errors("rename", journal_path(folder, number)):
                journal_path(folder, number).rename(journal_path(folder, number + room))
                sync_folder(folder)
    for count in range(len(parts), 0, -1):
        by = count - len({part.number for part in parts[:count]})
        if by:
            _move(parts[count - 1], by)
    yield f"several parts had a number in common ({', '.join(map(str, numbers))}): renumbered"


def _move(part: SealedPart, by: int) -> None:
    """Raise a part's number."""
    files = [path for path in (part.turns, part.episodes) if path is not None]
    for path in files:
        name = path.name.replace(f"part-{part.number:06d}", f"part-{part.number + by:06d}")
        with store_errors("copy", path), path.open("rb") as old:
            write_whole(path.with_name(name), partial(shutil.copyfileobj, old))
    _remove(set(files))


def _remove(paths: set[Path]) -> None:
    for path in paths:
        with store_errors("remove", path):
            path.unlink(missing_ok=True)
            sync_folder(path.parent)


def _scan(folder: Path, number: int, log: Log) -> Scan:
    path = journal_path(folder, number)
    with store_errors("read", path), path.open("rb") as file:
        found = scan(file, number, log)
    if found.tail is not None and found.tail.record is not None:
        take(found.tail, number, log, found)
    return found


def _mend_journal(folder: Path, number: int, log: Log) -> Iterator[str]:
    path = journal_path(folder, number)
    found = _scan(folder, number, log)
    is_torn = found.tail is not None and found.tail.record is None
    if not (found.bad or found.moved or found.edited or is_torn):
        return
    aside = _copy_aside(path)
    with store_errors("read", path), path.open("rb") as file:
        lines = [line for line in read_lines(file) if line.offset not in found.bad]
    lines.sort(key=lambda line: found.moved.get(line.offset, (line.offset, 0)))
    records = [line.record for line in lines if line.record is not None]
    write_whole(path, lambda file: file.writelines(map(to_line, records)))
    yield (
        f"{path.name}: {len(records)} lines were saved, {len(found.bad) + is_torn} were not; "
        f"the old file is {aside}"
    )


def _copy_aside(path: Path) -> str:
    """Copy to the first free name; durable before anything else is done."""
    free = (path.with_name(f"{path.name}.{n}.damaged") for n in range(1, 10_000))
    aside = next(name for name in free if not name.exists())
    with store_errors("copy", path), path.open("rb") as old:
        write_whole(aside, lambda new: shutil.copyfileobj(old, new))
    return aside.name
