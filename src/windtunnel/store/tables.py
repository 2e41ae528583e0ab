"""Tables over a folder's episodes and turns, for reports and SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from windtunnel.errors import StoreError
from windtunnel.store.columns import EPISODE_COLUMNS, TURN_COLUMNS, episode_row, turn_row
from windtunnel.store.parquet import read_columns
from windtunnel.store.parts import Part, Row, read_rows
from windtunnel.store.reading import Snapshot
from windtunnel.store.records import EpisodeRecord, TurnRecord, decode

_BATCH = 4_000  # rows that stand as Python objects at a time


def episodes(view: Snapshot) -> pa.Table:
    """One row per trial that has ended."""
    return _table(view, EPISODE_COLUMNS, lambda part: part.episodes, _episode_rows)


def turns(view: Snapshot) -> pa.Table:
    """One row per turn of every trial that has ended."""
    return _table(view, TURN_COLUMNS, lambda part: part.turns, _turn_rows)


def _table(
    view: Snapshot,
    columns: pa.Schema,
    file_of: Callable[[Part], Any],
    rows_of: Callable[[Row], Iterable[dict[str, Any]]],
) -> pa.Table:
    pieces = [columns.empty_table()]
    for part, own in view.sealed():
        if part.form == "parquet":
            table = read_columns(file_of(part), columns)
            mine = pc.is_in(table.column("trial_id"), pa.array(own, pa.string()))
            pieces.append(table.filter(mine))
        else:
            chosen = (row for note, row in read_rows(part) if note.trial_id in own)
            pieces += _batches(columns, (r for row in chosen for r in rows_of(row)))
    ended = (view.row(entry) for entry in view.entries.values())
    pieces += _batches(columns, (r for row in ended for r in rows_of(row)))
    return pa.concat_tables(pieces).combine_chunks()


def _batches(columns: pa.Schema, rows: Iterator[dict[str, Any]]) -> Iterator[pa.Table]:
    while batch := list(islice(rows, _BATCH)):
        yield pa.Table.from_pylist(batch, columns)


def _episode_rows(row: Row) -> Iterator[dict[str, Any]]:
    yield episode_row(decode(row.episode, EpisodeRecord))


def _turn_rows(row: Row) -> Iterator[dict[str, Any]]:
    for record in row.turns:
        yield turn_row(decode(record, TurnRecord))


def query(view: Snapshot, sql: str) -> duckdb.DuckDBPyRelation:
    """Run SQL over `episodes` and `turns`. Raises StoreError with DuckDB's own words."""
    connection = duckdb.connect()
    connection.register("episodes", episodes(view))
    connection.register("turns", turns(view))
    try:
        return connection.sql(sql)
    except duckdb.Error as error:
        raise StoreError(
            f"the query cannot be run: {error}",
            hint="the columns of episodes and turns are in docs/format.md",
        ) from None
