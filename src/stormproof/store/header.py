"""What a folder says of itself: `header.json`, whose it is; `runs.jsonl`, what was asked for.

A folder takes any number of runs of the same suite and seed; together they say what is planned.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from stormproof.errors import PlanMismatch, StoreCorrupt, StoreError
from stormproof.store.disk import store_errors, sync_folder, write_whole

FORMAT = 1
HEADER_FILE = "header.json"
RUNS_FILE = "runs.jsonl"


class Header(Struct, frozen=True, kw_only=True):
    """What every record of the folder has in common. `suite` and `seed` are in each trial's id.

    `created_at` is epoch seconds and orders nothing. `stormproof` is the version that made the
    folder; `windtunnel` says it in folders made under the former name alone.
    """

    suite: str
    seed: int
    simulated: bool = False
    created_at: float = 0.0
    stormproof: str = ""
    windtunnel: str | UnsetType = UNSET
    format: int = FORMAT

    @property
    def made_by(self) -> str:
        """The version that made the folder, under whichever name; "" where it is not said."""
        return self.stormproof or self.windtunnel or ""


class _Format(Struct):
    format: int


def read_header(folder: Path | str) -> Header:
    """The folder's header.

    Raises StoreError where there is none or its format is another one, StoreCorrupt where it
    cannot be read.
    """
    path = Path(folder) / HEADER_FILE
    try:
        with store_errors("read", path):
            data = path.read_bytes().removeprefix(BOM_UTF8)
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            raise StoreError(
                f"{folder} holds no results: {HEADER_FILE} is missing",
                hint="name the folder of a run with --results FOLDER",
            ) from None
        raise
    return _parse(path, data)


def _parse(path: Path, data: bytes) -> Header:
    try:
        found = msgspec.json.decode(data, type=_Format).format
        _check_format(path, found)
        return msgspec.json.decode(data, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreCorrupt(
            f"{path} cannot be read: {error}",
            hint=f"run: stormproof repair {path.parent} (the journals hold a copy)",
        ) from None


def _check_format(path: Path, found: int) -> None:
    if found > FORMAT:
        raise StoreError(
            f"{path} says format {found}; this Stormproof reads format {FORMAT} and older",
            hint="use the Stormproof that wrote the folder, or a newer one",
        )
    if found < FORMAT:
        raise StoreError(
            f"{path} says format {found}, which no Stormproof has written: the first is {FORMAT}",
            hint="restore header.json from a copy of the folder",
        )


def write_header(folder: Path, header: Header) -> None:
    """Write the header of a new folder, indented for people."""
    text = msgspec.json.format(msgspec.json.encode(header), indent=2) + b"\n"
    write_whole(folder / HEADER_FILE, lambda file: file.write(text))


def check_same(folder: Path, stored: Header, wanted: Header) -> None:
    """Raise PlanMismatch where results of both would not belong together."""
    differing = differences(stored, "in the folder", wanted, "now")
    if differing:
        raise PlanMismatch(
            f"{folder} holds results of another plan: {'; '.join(differing)}",
            hint="choose another folder with --results FOLDER, or use the folder's own options",
        )


def differences(one: Header, here: str, other: Header, there: str) -> list[str]:
    """Why results of both do not belong together, in words; [] where they do."""
    names = {"suite": "suite version", "seed": "seed", "simulated": "simulated"}
    return [
        f"{said} is {getattr(one, name)!r} {here} and {getattr(other, name)!r} {there}"
        for name, said in names.items()
        if getattr(one, name) != getattr(other, name)
    ]


def append_run(folder: Path, record: object) -> None:
    """Add a run's record, durable on return. Raises StoreError where it cannot be written."""
    path = folder / RUNS_FILE
    is_new = not path.exists()
    with store_errors("write", path), path.open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(record))  # ends what a crash may have cut short
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(folder)


def read_runs(folder: Path) -> Iterator[dict[str, Any]]:
    """The records, oldest first; a line that a crash cut short is left out."""
    path = folder / RUNS_FILE
    if not path.exists():
        return
    with store_errors("read", path), path.open("rb") as file:
        for line in file:
            try:
                record = msgspec.json.decode(line.removeprefix(BOM_UTF8))
            except msgspec.DecodeError:
                continue
            if isinstance(record, dict):
                yield record
