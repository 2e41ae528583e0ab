"""Sealed files as Parquet: flat columns for queries, and each record whole beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from stormproof.errors import StoreCorrupt
from stormproof.store.columns import (
    EPISODE_COLUMNS,
    RECORD,
    TURN_COLUMNS,
    episode_row,
    turn_row,
)
from stormproof.store.disk import damaged, store_errors
from stormproof.store.record_lines import EpisodeRecord, Note, TurnRecord, decode

_CHUNK = 200  # rows turned into columns at a time, for a few ms: other threads wait meanwhile
_CHUNKS = 20  # chunks a row group: what is held in memory while writing
_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    tuple: pa.list_(pa.string()),
}
_RECORD = pa.field(RECORD, pa.large_string())


def _schema(columns: Mapping[str, type]) -> pa.Schema:
    return pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])


EPISODE_SCHEMA, TURN_SCHEMA = _schema(EPISODE_COLUMNS), _schema(TURN_COLUMNS)
WHOLE_EPISODE_SCHEMA, WHOLE_TURN_SCHEMA = (
    EPISODE_SCHEMA.append(_RECORD),
    TURN_SCHEMA.append(_RECORD),
)


def write_episodes(file: BinaryIO, records: Iterable[bytes]) -> None:
    """Fill a file with these episodes' records."""
    _fill(file, WHOLE_EPISODE_SCHEMA, map(whole_episode, records))


def write_turns(file: BinaryIO, records: Iterable[bytes]) -> None:
    """Fill a file with these turns' records."""
    _fill(file, WHOLE_TURN_SCHEMA, map(whole_turn, records))


def whole_turn(record: bytes) -> dict[str, Any]:
    """A turn's record as a row, itself among its columns."""
    return turn_row(decode(record, TurnRecord)) | {RECORD: record.decode()}


def whole_episode(record: bytes) -> dict[str, Any]:
    """An episode's record as a row, itself among its columns."""
    return episode_row(decode(record, EpisodeRecord)) | {RECORD: record.decode()}


def _fill(file: BinaryIO, schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> None:
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        chunks = _chunks(schema, rows)
        while group := list(islice(chunks, _CHUNKS)):
            writer.write_table(pa.concat_tables(group))
    # Parts are written in threads that come and go; the pool keeps what each of them let go of.
    pa.default_memory_pool().release_unused()


def _chunks(schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> Iterator[pa.Table]:
    while chunk := list(islice(rows, _CHUNK)):
        yield to_table(chunk, schema)


def to_table(rows: Sequence[dict[str, Any]], columns: pa.Schema) -> pa.Table:
    """Rows as columns. What no column can hold (a provider may say anything) is made to fit."""
    try:
        return pa.Table.from_pylist(rows, columns)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        fitting = [{name: _fit(value) for name, value in row.items()} for row in rows]
        return pa.Table.from_pylist(fitting, columns)


def _fit(value: Any) -> Any:
    """The whole value stands in `record`: null for a number beyond 64 bits, `?` for odd text."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list | tuple):
        return [_fit(item) for item in value]
    return value if not isinstance(value, int) or -(2**63) <= value < 2**63 else None


def read_notes(path: Path) -> Iterator[Note]:
    """Trial id, number of turns and outcome of every episode."""
    with _opened(path) as file:
        table = file.read(["trial_id", "turns", "outcome"])
    columns = (table.column(name).to_pylist() for name in ("trial_id", "turns", "outcome"))
    yield from map(Note, *columns)


def read_records(path: Path) -> Iterator[bytes]:
    """The whole records, in order."""
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=500, columns=[RECORD]):
            yield from (str(text).encode() for text in batch.column(0).to_pylist())


def sound_records(path: Path) -> list[bytes]:
    """The records of all row groups that can still be read."""
    found: list[bytes] = []
    with suppress(StoreCorrupt), _opened(path) as file:
        for group in range(file.num_row_groups):
            with suppress(pa.ArrowException, OSError):
                texts = file.read_row_group(group, columns=[RECORD]).column(0).to_pylist()
                found += (str(text).encode() for text in texts)
    return found


def read_columns(path: Path, columns: pa.Schema) -> pa.Table:
    """Some columns of a file; those that an older Stormproof did not write are null."""
    with _opened(path) as file:
        table = file.read([name for name in columns.names if name in file.schema_arrow.names])
    return pa.concat_tables([columns.empty_table(), table], promote_options="default")


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    with store_errors("read", path), path.open("rb") as raw:
        try:
            yield pq.ParquetFile(raw)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the system's own; pyarrow's word for a damaged page has no number
            raise damaged(path, str(error)) from None
