"""Tables and SQL over a folder's episodes and turns. Takes pyarrow and duckdb along.

Parquet parts are read where they lie, and only the columns asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import dataset

from stormproof.errors import StoreError
from stormproof.store.parquet import (
    EPISODE_SCHEMA,
    TURN_SCHEMA,
    WHOLE_EPISODE_SCHEMA,
    WHOLE_TURN_SCHEMA,
    read_columns,
    to_table,
    whole_episode,
    whole_turn,
)
from stormproof.store.parts import (
    EPISODES,
    TURNS,
    RawEpisode,
    SealedPart,
    checked,
    read_episode_records,
    read_rows,
)
from stormproof.store.reading import CurrentPart, Snapshot, snapshot
from stormproof.store.record_lines import Note

_BATCH = 4_000  # rows that stand as Python objects at a time
_TRIAL_ID = TURN_SCHEMA.field("trial_id")
_TEXT = "json_extract_string(record, '$.turn.answer.reply.text') as text"


def episode_table(folder: Path | str, columns: Sequence[str] | None = None) -> pa.Table:
    """One row per trial that has ended; columns as in docs/format.md, or these of them."""
    return _flat(folder, EPISODES, EPISODE_SCHEMA, columns)


def turn_table(folder: Path | str, columns: Sequence[str] | None = None) -> pa.Table:
    """One row per turn of every trial that has ended; columns as there, or these of them."""
    return _flat(folder, TURNS, TURN_SCHEMA, columns)


def unfinished_turn_table(folder: Path | str) -> pa.Table:
    """One row per turn of trials that have begun and not ended: paid for, in no episode yet."""
    with snapshot(folder) as view:
        rows = [RawEpisode(b"", tuple(view.unfinished_turns()))]
        return pa.concat_tables(
            [TURN_SCHEMA.empty_table(), *_batches(TURN_SCHEMA, iter(rows), _turn_rows)]
        )


def _flat(folder: Path | str, kind: str, every: pa.Schema, names: Sequence[str] | None) -> pa.Table:
    columns = every if names is None else pa.schema([every.field(name) for name in names])
    with snapshot(folder) as view:
        return _table(view, kind, columns, view.sealed())


def query(folder: Path | str, sql: str) -> pa.Table:
    """Run SQL over the views `episodes` and `turns`; in DuckDB's dialect.

    Both have the columns of the tables and `record`, the JSON record; `turns` has also `text`,
    what the model said. Raises StoreError with DuckDB's own words where the SQL is wrong.
    """
    with snapshot(folder) as view, duckdb.connect() as connection:
        sealed = [*view.sealed()]
        _register(connection, view, EPISODES, WHOLE_EPISODE_SCHEMA, sealed)
        _register(connection, view, TURNS, WHOLE_TURN_SCHEMA, sealed)
        try:
            relation = connection.sql(sql)
            found: pa.Table = relation.to_arrow_table() if relation else pa.table({})
        except duckdb.Error as error:
            raise StoreError(
                f"the query cannot be run: {error}",
                hint="the columns of episodes and turns are in docs/format.md",
            ) from None
    return found


def _register(
    connection: duckdb.DuckDBPyConnection,
    view: Snapshot,
    kind: str,
    columns: pa.Schema,
    sealed: list[CurrentPart],
) -> None:
    lying = [s.part for s in sealed if s.is_whole and s.part.form == "parquet"]
    other = [s for s in sealed if s.part not in lying]
    paths = [checked(p, p.episodes if kind == EPISODES else p.turns) for p in lying]
    connection.register(f"{kind}_lying", dataset.dataset([*map(str, paths)], columns))
    connection.register(f"{kind}_other", _table(view, kind, columns, other))
    more = f", {_TEXT}" if kind == TURNS else ""
    connection.execute(
        f"create view {kind} as select *{more} "  # noqa: S608  no name here comes from outside
        f"from (select * from {kind}_lying union all select * from {kind}_other)"
    )


def _table(
    view: Snapshot, kind: str, columns: pa.Schema, sealed: Iterable[CurrentPart]
) -> pa.Table:
    """These columns of episodes or turns, of these parts and of the journals."""
    rows_of = _episode_rows if kind == EPISODES else _turn_rows
    read = _bare_rows if kind == EPISODES else read_rows
    pieces = [columns.empty_table()]
    for current in sealed:
        if current.part.form == "parquet":
            pieces.append(_part(current, kind, columns))
        else:
            own = (row for note, row in read(current.part) if note.trial_id in current.own)
            pieces += _batches(columns, own, rows_of)
    ended = (view.row(entry) for entry in view.entries.values())
    pieces += _batches(columns, ended, rows_of)
    return pa.concat_tables(pieces).combine_chunks()


def _part(current: CurrentPart, kind: str, columns: pa.Schema) -> pa.Table:
    part = current.part
    path = checked(part, part.episodes if kind == EPISODES else part.turns)
    if current.is_whole:
        return read_columns(path, columns)
    has_ids = "trial_id" in columns.names
    found = read_columns(path, columns if has_ids else columns.append(_TRIAL_ID))
    own = pa.array(current.own, pa.string())
    mine = found.filter(pc.is_in(found.column("trial_id"), own))
    return mine.select(columns.names)


def _batches(
    columns: pa.Schema,
    rows: Iterator[RawEpisode],
    rows_of: Callable[[RawEpisode], Iterator[dict[str, Any]]],
) -> Iterator[pa.Table]:
    flat = (row for whole in rows for row in rows_of(whole))
    while batch := list(islice(flat, _BATCH)):
        yield to_table(batch, columns)


def _bare_rows(part: SealedPart) -> Iterator[tuple[Note, RawEpisode]]:
    return ((note, RawEpisode(record, ())) for note, record in read_episode_records(part))


def _episode_rows(row: RawEpisode) -> Iterator[dict[str, Any]]:
    yield whole_episode(row.episode)


def _turn_rows(row: RawEpisode) -> Iterator[dict[str, Any]]:
    yield from map(whole_turn, row.turns)
