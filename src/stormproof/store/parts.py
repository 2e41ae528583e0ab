"""Sealed parts: `episodes/part-000007.parquet` with `turns/part-000007.parquet`, or both .jsonl.

Each name goes on with the checksum of the file: `part-000007-89abcdef.parquet`. The turns come
first, so a part counts once its episodes are in place. Of a trial with several episodes the one
in the highest part stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from msgspec import Struct

from stormproof.errors import StoreCorrupt
from stormproof.store.disk import checksum, damaged, store_errors, sync_folder, write_checked
from stormproof.store.journal import Entry
from stormproof.store.record_lines import UNREADABLE, Note, note_of, read_lines, to_line
from stormproof.store.spans import SpanReader

if TYPE_CHECKING:
    from types import ModuleType

StorageFormat = Literal["parquet", "json"]
EPISODES, TURNS = "episodes", "turns"
_NAME = re.compile(r"part-([0-9]+)-[0-9a-f]{8}\.(?:parquet|jsonl)")
ENDINGS: dict[StorageFormat, str] = {"parquet": ".parquet", "json": ".jsonl"}


class RawEpisode(NamedTuple):
    """An episode's record and its turns' records, as they stood in the journal."""

    episode: bytes
    turns: tuple[bytes, ...]


def turns_of(rows: Iterable[RawEpisode]) -> Iterator[bytes]:
    """The records of all turns, episode by episode."""
    return (record for row in rows for record in row.turns)


def raw_episode(reader: SpanReader, entry: Entry) -> RawEpisode:
    """The newest episode of a trial that has ended in the journals. Raises StoreCorrupt."""
    assert entry.episode is not None  # noqa: S101  only what has ended is asked for
    return RawEpisode(reader.record(entry.episode), tuple(map(reader.record, entry.ended)))


class SealedPart(Struct, frozen=True):
    """One sealed part. One of its files is None where it is not in place."""

    number: int
    form: StorageFormat
    episodes: Path | None = None
    turns: Path | None = None


def number_in(path: Path) -> int | None:
    """The number in the name of a part's file; None where it is no such name."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def of_files(number: int, episodes: Path | None, turns: Path | None) -> SealedPart:
    """The part that these files are; one of them may be None."""
    one = episodes or turns
    assert one is not None  # noqa: S101  a part without any file is never made
    form = next(form for form, ending in ENDINGS.items() if ending == one.suffix)
    return SealedPart(number, form, episodes, turns)


def is_sound(path: Path) -> bool:
    """Whether the file's content has the checksum that its name tells."""
    with store_errors("read", path):
        return path.stem.endswith(f"-{checksum(path)}")


def write_part(
    folder: Path,
    number: int,
    form: StorageFormat,
    *,
    turns: Iterable[bytes],
    episodes: Iterable[bytes],
) -> SealedPart:
    """Make a part of the episodes' records and of all their turns', both in the same order.

    Durable on return, in place or not at all.
    """
    for kind in (EPISODES, TURNS):
        with store_errors("write", folder / kind):
            (folder / kind).mkdir(exist_ok=True)
            sync_folder(folder)
    write_turns = _parquet().write_turns if form == "parquet" else _write_lines
    write_episodes = _parquet().write_episodes if form == "parquet" else _write_lines
    stem, ending = f"part-{number:06d}", ENDINGS[form]
    # The turns come first: it is the episodes' file that makes the part count.
    turns_path = write_checked(folder / TURNS, stem, ending, partial(write_turns, records=turns))
    episodes_path = write_checked(
        folder / EPISODES, stem, ending, partial(write_episodes, records=episodes)
    )
    return SealedPart(number, form, episodes_path, turns_path)


def _write_lines(file: BinaryIO, records: Iterable[bytes]) -> None:
    file.writelines(map(to_line, records))


def read_notes(part: SealedPart) -> Iterator[Note]:
    """Trial id, number of turns and outcome of every episode, in order. Cheap."""
    path = checked(part, part.episodes)
    if part.form == "parquet":
        yield from _parquet().read_notes(path)
    else:
        yield from (_note(path, record) for record in _json_records(path))


def read_rows(
    part: SealedPart, ids: AbstractSet[str] | None = None
) -> Iterator[tuple[Note, RawEpisode]]:
    """Every episode (of the trials `ids`, where given) with its turns, in order.

    Raises StoreCorrupt where they do not fit.
    """
    paths = checked(part, part.episodes), checked(part, part.turns)
    read = _parquet().read_records if part.form == "parquet" else _json_records
    episodes, turns = read(paths[0]), read(paths[1])
    for note, episode in zip(read_notes(part), episodes, strict=True):
        own = tuple(islice(turns, note.at))
        if ids is not None and note.trial_id not in ids:
            continue
        places = [_note(paths[1], turn).place for turn in own]
        if places != [(note.trial_id, i) for i in range(note.at)]:
            raise damaged(paths[1], f"turns of trial {note.trial_id} are missing")
        yield note, RawEpisode(episode, own)


def read_episode_records(part: SealedPart) -> Iterator[tuple[Note, bytes]]:
    """Every episode's record, in order, without a look at the turns."""
    yield from file_records(checked(part, part.episodes))


def file_records(path: Path) -> Iterator[tuple[Note, bytes]]:
    """Every record of one file of a part, in order, whatever stands beside it."""
    read = _parquet().read_records if path.suffix == ENDINGS["parquet"] else _json_records
    for record in read(path):
        yield _note(path, record), record


def checked(part: SealedPart, path: Path | None) -> Path:
    """The path of a part's file that is in place and sound. Raises StoreCorrupt."""
    if path is None:
        raise half(part)
    if not is_sound(path):
        raise damaged(path, "its checksum is not the one in its name")
    return path


def half(part: SealedPart) -> StoreCorrupt:
    """The error for a part of which one file is missing."""
    there, lost = (part.turns, EPISODES) if part.episodes is None else (part.episodes, TURNS)
    assert there is not None  # noqa: S101  a part without any file is never made
    return damaged(there, f"the file of {lost} that belongs to it is missing")


def _json_records(path: Path) -> Iterator[bytes]:
    with store_errors("read", path), path.open("rb") as file:
        for line in read_lines(file):
            if line.record is None:
                raise damaged(path, f"line {line.number}: its checksum does not fit")
            yield line.record


def _note(path: Path, record: bytes) -> Note:
    try:
        return note_of(record)
    except UNREADABLE as error:
        raise damaged(path, str(error)) from None


def salvage(part: SealedPart) -> tuple[list[RawEpisode], int]:
    """The episodes of a damaged part that are whole, and how many were seen that are not."""
    turns: dict[str, list[tuple[Note, bytes]]] = {}
    for note, record in _sound(part, part.turns):
        turns.setdefault(note.trial_id, []).append((note, record))
    rows, lost = [], 0
    for note, record in _sound(part, part.episodes):
        own = turns.pop(note.trial_id, [])
        if [head.at for head, _ in own] == [*range(note.at)]:
            rows.append(RawEpisode(record, tuple(turn for _, turn in own)))
        else:
            lost += 1
    return rows, lost + len(turns)


def _sound(part: SealedPart, path: Path | None) -> Iterator[tuple[Note, bytes]]:
    if path is None:
        return
    if part.form == "parquet":
        records = _parquet().sound_records(path)
    else:
        with store_errors("read", path), path.open("rb") as file:
            records = [line.record for line in read_lines(file) if line.record is not None]
    for record in records:
        try:
            yield _note(path, record), record
        except StoreCorrupt:
            continue


def _parquet() -> ModuleType:
    from stormproof.store import parquet  # noqa: PLC0415  pyarrow takes long to import

    return parquet
