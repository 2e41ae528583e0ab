"""Tables over a folder's episodes and turns, for reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stormproof.store.columns import EPISODE_COLUMNS, TURN_COLUMNS
from stormproof.store.parquet import read_columns, to_table, whole_episode, whole_turn
from stormproof.store.parts import EPISODES, Part, Row, checked, read_episode_records, read_rows
from stormproof.store.reading import Snapshot, Standing
from stormproof.store.records import Note

_BATCH = 4_000  # rows that stand as Python objects at a time


def flat(view: Snapshot, kind: str, names: Sequence[str] | None) -> pa.Table:
    """One row per ended trial, or per turn of one; all flat columns, or these."""
    every = EPISODE_COLUMNS if kind == EPISODES else TURN_COLUMNS
    columns = every if names is None else pa.schema([every.field(name) for name in names])
    return table(view, kind, columns, view.sealed())


def table(view: Snapshot, kind: str, columns: pa.Schema, sealed: Iterable[Standing]) -> pa.Table:
    """These columns of episodes or turns, of these parts and of the journals."""
    rows_of = _episode_rows if kind == EPISODES else _turn_rows
    read = _bare_rows if kind == EPISODES else read_rows
    pieces = [columns.empty_table()]
    for standing in sealed:
        if standing.part.form == "parquet":
            pieces.append(_part(standing, kind, columns))
        else:
            own = (row for note, row in read(standing.part) if note.trial_id in standing.own)
            pieces += _batches(columns, own, rows_of)
    ended = (view.row(entry) for entry in view.entries.values())
    pieces += _batches(columns, ended, rows_of)
    return pa.concat_tables(pieces).combine_chunks()


def _part(standing: Standing, kind: str, columns: pa.Schema) -> pa.Table:
    part = standing.part
    path = checked(part, part.episodes if kind == EPISODES else part.turns)
    if standing.is_whole:
        return read_columns(path, columns)
    with_ids = columns if "trial_id" in columns.names else columns.append(TURN_COLUMNS.field(0))
    found = read_columns(path, with_ids)
    own = pa.array(standing.own, pa.string())
    mine = found.filter(pc.is_in(found.column("trial_id"), own))
    return mine.select(columns.names)


def _batches(
    columns: pa.Schema,
    rows: Iterator[Row],
    rows_of: Callable[[Row], Iterator[dict[str, Any]]],
) -> Iterator[pa.Table]:
    flat = (row for whole in rows for row in rows_of(whole))
    while batch := list(islice(flat, _BATCH)):
        yield to_table(batch, columns)


def _bare_rows(part: Part) -> Iterator[tuple[Note, Row]]:
    return ((note, Row(record, ())) for note, record in read_episode_records(part))


def _episode_rows(row: Row) -> Iterator[dict[str, Any]]:
    yield whole_episode(row.episode)


def _turn_rows(row: Row) -> Iterator[dict[str, Any]]:
    yield from map(whole_turn, row.turns)
