"""Tables over a folder's episodes and turns, for reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from windtunnel.store.columns import EPISODE_COLUMNS, TURN_COLUMNS
from windtunnel.store.parquet import read_columns, to_table, whole_episode, whole_turn
from windtunnel.store.parts import EPISODES, Row, checked, read_rows
from windtunnel.store.reading import Snapshot, Standing

_BATCH = 4_000  # rows that stand as Python objects at a time


def episodes(view: Snapshot) -> pa.Table:
    """One row per trial that has ended."""
    return table(view, EPISODES, EPISODE_COLUMNS, view.sealed())


def turns(view: Snapshot) -> pa.Table:
    """One row per turn of every trial that has ended."""
    return table(view, "turns", TURN_COLUMNS, view.sealed())


def table(view: Snapshot, kind: str, columns: pa.Schema, sealed: Iterable[Standing]) -> pa.Table:
    """These columns of episodes or turns, of these parts and of the journals."""
    rows_of = _episode_rows if kind == EPISODES else _turn_rows
    pieces = [columns.empty_table()]
    for standing in sealed:
        if standing.part.form == "parquet":
            pieces.append(_part(standing, kind, columns))
        else:
            own = (row for note, row in read_rows(standing.part) if note.trial_id in standing.own)
            pieces += _batches(columns, own, rows_of)
    ended = (view.row(entry) for entry in view.entries.values())
    pieces += _batches(columns, ended, rows_of)
    return pa.concat_tables(pieces).combine_chunks()


def _part(standing: Standing, kind: str, columns: pa.Schema) -> pa.Table:
    part = standing.part
    path = checked(part, part.episodes if kind == EPISODES else part.turns)
    found = read_columns(path, columns)
    if standing.is_whole:
        return found
    own = pa.array(standing.own, pa.string())
    return found.filter(pc.is_in(found.column("trial_id"), own))


def _batches(
    columns: pa.Schema,
    rows: Iterator[Row],
    rows_of: Callable[[Row], Iterator[dict[str, Any]]],
) -> Iterator[pa.Table]:
    flat = (row for whole in rows for row in rows_of(whole))
    while batch := list(islice(flat, _BATCH)):
        yield to_table(batch, columns)


def _episode_rows(row: Row) -> Iterator[dict[str, Any]]:
    yield whole_episode(row.episode)


def _turn_rows(row: Row) -> Iterator[dict[str, Any]]:
    yield from map(whole_turn, row.turns)
