"""Sealed parts: `episodes/part-000007.parquet` with `turns/part-000007.parquet`, or both .jsonl.

The turns come first, so a part counts once its episodes are in place. Of a trial with several
episodes the one in the highest part stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

import msgspec
from msgspec import Struct

from windtunnel.errors import StoreCorrupt
from windtunnel.store.disk import sync_folder, told, write_whole
from windtunnel.store.lines import read_lines, to_line
from windtunnel.store.records import Note, head_of

if TYPE_CHECKING:
    from types import ModuleType

StorageFormat = Literal["parquet", "json"]
EPISODES, TURNS = "episodes", "turns"
ENDINGS: dict[StorageFormat, str] = {"parquet": ".parquet", "json": ".jsonl"}


class Row(NamedTuple):
    """An episode's record and its turns' records, as they stood in the journal."""

    episode: bytes
    turns: tuple[bytes, ...]


class Part(Struct, frozen=True, order=True):
    """One sealed part."""

    number: int
    folder: Path
    form: StorageFormat

    @property
    def episodes(self) -> Path:
        """The file of episodes."""
        return self.folder / EPISODES / f"part-{self.number:06d}{ENDINGS[self.form]}"

    @property
    def turns(self) -> Path:
        """The file of their turns, in the same order."""
        return self.folder / TURNS / f"part-{self.number:06d}{ENDINGS[self.form]}"


def list_parts(folder: Path, kind: str = EPISODES) -> list[Part]:
    """All parts in place, by number; `kind` says whose files are looked for."""
    forms = {ending: form for form, ending in ENDINGS.items()}
    found = []
    for path in (folder / kind).glob("part-*"):
        digits = path.stem.removeprefix("part-")
        if path.suffix in forms and digits.isdigit():
            found.append(Part(int(digits), folder, forms[path.suffix]))
    return sorted(found)


def write_part(part: Part, rows: Callable[[], Iterable[Row]]) -> None:
    """Make a part of the rows (asked for twice). Durable on return, in place or not at all."""
    for path in (part.turns, part.episodes):
        with told("write", path):
            path.parent.mkdir(exist_ok=True)
            sync_folder(part.folder)
    if part.form == "parquet":
        _parquet().write(part, rows)
        return
    write_whole(part.turns, _filler(record for row in rows() for record in row.turns))
    write_whole(part.episodes, _filler(row.episode for row in rows()))


def _filler(records: Iterable[bytes]) -> Callable[[BinaryIO], None]:
    return lambda file: file.writelines(map(to_line, records))


def read_notes(part: Part) -> Iterator[Note]:
    """Trial id, number of turns and outcome of every episode, in order. Cheap."""
    if part.form == "parquet":
        yield from _parquet().read_notes(part)
        return
    for record in _json_records(part.episodes):
        yield _note(part.episodes, record)


def read_rows(part: Part) -> Iterator[tuple[Note, Row]]:
    """Every episode with its turns, in order. Raises StoreCorrupt where they do not fit."""
    if part.form == "parquet":
        episodes, turns = _parquet().read_records(part)
    else:
        episodes, turns = _json_records(part.episodes), _json_records(part.turns)
    for note, episode in zip(read_notes(part), episodes, strict=True):
        own = tuple(record for _, record in zip(range(note.at), turns, strict=False))
        if len(own) < note.at:
            raise damaged(part.turns, f"turns of trial {note.trial_id} are missing")
        yield note, Row(episode, own)


def _json_records(path: Path) -> Iterator[bytes]:
    with told("read", path), path.open("rb") as file:
        for line in read_lines(file):
            if line.record is None:
                raise damaged(path, f"line {line.number}: its checksum does not fit")
            yield line.record


def _note(path: Path, record: bytes) -> Note:
    try:
        head = head_of(record)
    except (msgspec.DecodeError, ValueError) as error:
        raise damaged(path, str(error)) from None
    assert isinstance(head, Note)  # noqa: S101  parts hold no headers
    return head


def damaged(path: Path, why: str) -> StoreCorrupt:
    """The one clear error for a part that cannot be read."""
    return StoreCorrupt(
        f"{path} is damaged: {why}",
        hint=f"run: windtunnel repair {path.parent.parent} (it keeps a copy)",
    )


def newest_of(parts: Sequence[Part]) -> dict[str, tuple[int, Note]]:
    """For every trial id: the number of the part that has its standing episode, and its note."""
    return {note.trial_id: (part.number, note) for part in parts for note in read_notes(part)}


def salvage(part: Part) -> tuple[list[Row], int]:
    """The episodes of a damaged part that are whole, and how many were seen that are not."""
    turns: dict[str, list[bytes]] = {}
    for note, record in _sound(part, part.turns):
        turns.setdefault(note.trial_id, []).append(record)
    rows, lost = [], 0
    for note, record in _sound(part, part.episodes):
        own = turns.pop(note.trial_id, [])
        if [_note(part.turns, turn).at for turn in own] == [*range(note.at)]:
            rows.append(Row(record, tuple(own)))
        else:
            lost += 1
    return rows, lost + len(turns)


def _sound(part: Part, path: Path) -> Iterator[tuple[Note, bytes]]:
    if not path.exists():
        return
    if part.form == "parquet":
        records = _parquet().sound_records(path)
    else:
        with told("read", path), path.open("rb") as file:
            records = [line.record for line in read_lines(file) if line.record is not None]
    for record in records:
        try:
            yield _note(path, record), record
        except StoreCorrupt:
            continue


def _parquet() -> ModuleType:
    from windtunnel.store import parquet  # noqa: PLC0415  pyarrow takes long to import

    return parquet
