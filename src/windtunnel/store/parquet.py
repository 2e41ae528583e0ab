"""Parts as Parquet: flat columns for queries, and each record whole beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from windtunnel.errors import StoreCorrupt
from windtunnel.store.columns import (
    EPISODE_COLUMNS,
    RECORD,
    TURN_COLUMNS,
    episode_row,
    turn_row,
)
from windtunnel.store.disk import told, write_whole
from windtunnel.store.parts import Part, Row, damaged
from windtunnel.store.records import EpisodeRecord, Note, TurnRecord, decode

_CHUNK = 200  # rows turned into columns at a time, for a few ms: other threads wait meanwhile
_CHUNKS = 20  # chunks a row group: what is held in memory while writing


def write(part: Part, rows: Callable[[], Iterable[Row]]) -> None:
    """Write turns, then episodes."""
    turns = (_turn(record) for row in rows() for record in row.turns)
    write_whole(part.turns, lambda file: _fill(file, TURN_COLUMNS.append(RECORD), turns))
    episodes = (_episode(row.episode) for row in rows())
    write_whole(part.episodes, lambda file: _fill(file, EPISODE_COLUMNS.append(RECORD), episodes))


def _turn(record: bytes) -> dict[str, Any]:
    return turn_row(decode(record, TurnRecord)) | {"record": record.decode()}


def _episode(record: bytes) -> dict[str, Any]:
    return episode_row(decode(record, EpisodeRecord)) | {"record": record.decode()}


def _fill(file: Any, schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
        chunks = _chunks(schema, rows)
        while group := list(islice(chunks, _CHUNKS)):
            writer.write_table(pa.concat_tables(group))


def _chunks(schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> Iterator[pa.Table]:
    while chunk := list(islice(rows, _CHUNK)):
        yield pa.Table.from_pylist(chunk, schema)


def read_notes(part: Part) -> Iterator[Note]:
    """Trial id, number of turns and outcome of every episode."""
    with _opened(part.episodes) as file:
        table = file.read(["trial_id", "turns", "outcome"])
    columns = (table.column(name).to_pylist() for name in ("trial_id", "turns", "outcome"))
    yield from map(Note, *columns)


def read_records(part: Part) -> tuple[Iterator[bytes], Iterator[bytes]]:
    """The records of the episodes and of the turns, in order."""
    return _records(part.episodes), _records(part.turns)


def _records(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=500, columns=["record"]):
            yield from (str(text).encode() for text in batch.column(0).to_pylist())


def sound_records(path: Path) -> list[bytes]:
    """The records of all row groups that can still be read."""
    found: list[bytes] = []
    with suppress(StoreCorrupt), _opened(path) as file:
        for group in range(file.num_row_groups):
            with suppress(pa.ArrowException, OSError):
                texts = file.read_row_group(group, columns=["record"]).column(0).to_pylist()
                found += (str(text).encode() for text in texts)
    return found


def read_columns(path: Path, columns: pa.Schema) -> pa.Table:
    """The flat columns; those that an older Windtunnel did not write are null."""
    with _opened(path) as file:
        table = file.read([name for name in columns.names if name in file.schema_arrow.names])
    return pa.concat_tables([columns.empty_table(), table], promote_options="default")


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with told("read", path), path.open("rb") as raw:
            yield pq.ParquetFile(raw, page_checksum_verification=True)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise damaged(path, str(error)) from None
