"""Every episode as a row, with the columns of docs/format.md: as lines of JSON, or as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec

from stormproof.errors import StoreError
from stormproof.store import EPISODE_COLUMNS, episode_table

ROWS_AT_A_TIME = 4_000


def write_jsonl(folder: Path, path: Path) -> int:
    """Write one JSON object a line, null where a value is missing; how many were written."""
    encode = msgspec.json.Encoder().encode

    def write(file: TextIO) -> int:
        return sum(bool(file.write(encode(row).decode() + "\n")) for row in _rows(folder))

    return _written(path, write)


def write_csv(folder: Path, path: Path) -> int:
    """Write a heading and one record a line, empty where a value is missing; how many of these.

    Texts are in quotes where they must be, lists are JSON, booleans `true` and `false`.
    """

    def write(file: TextIO) -> int:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(EPISODE_COLUMNS)
        rows = (list(map(_cell, row.values())) for row in _rows(folder))
        return sum(bool(table.writerow(row)) for row in rows)

    return _written(path, write)


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for batch in episode_table(folder).to_batches(max_chunksize=ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return msgspec.json.encode(value).decode()
    return value


def _written(path: Path, write: Callable[[TextIO], int]) -> int:
    """Whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            count = write(file)
        unfinished.replace(path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}", hint="name another file"
        ) from None
    return count
