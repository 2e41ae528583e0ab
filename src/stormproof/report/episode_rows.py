"""Rows of the episode table, as columns to count with: one row a trial, grouped by any field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stormproof.errors import StoreCorrupt
from stormproof.store import EPISODE_COLUMNS

Array = npt.NDArray[Any]

KIND = "kind"  # the archetype of the trial's task, which the table's reader may add
_TEXT = (*(name for name, kind in EPISODE_COLUMNS.items() if kind is str), KIND)
_NUMBERS = tuple(
    name
    for name, kind in EPISODE_COLUMNS.items()
    if kind in {int, float, bool} and not name.endswith("_seed")  # a seed is no quantity
)


class EpisodeRows:
    """Columns of equal length, text ones dictionary-encoded. Read-only; `at` gives some rows."""

    def __init__(
        self,
        columns: Mapping[str, Array],
        labels: Mapping[str, Sequence[str]],
        rows: npt.NDArray[np.intp] | None = None,
    ) -> None:
        self._whole = columns  # by name, all of one length; never written to
        self._labels = labels  # of every text column, sorted: its codes are places in them
        self._rows = rows  # places in `_whole`, in order; None where these are all of its rows
        self._taken: dict[str, Array] = {}  # `_whole[name][_rows]`, kept once asked for

    @classmethod
    def of(cls, table: pa.Table) -> EpisodeRows:
        """Take all text and numeric columns; one that is missing is empty (or NaN) throughout."""
        columns: dict[str, Array] = {}
        labels: dict[str, Sequence[str]] = {}
        for name in _TEXT:
            columns[name], labels[name] = _encoded(table, name)
        for name in _NUMBERS:
            columns[name] = _numeric(table, name)
        _check_identity(columns["trial_id"], labels["trial_id"])
        return cls(columns, labels)

    def __len__(self) -> int:
        return len(self._whole["model"] if self._rows is None else self._rows)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A numeric column; NaN where nothing is recorded."""
        return self._column(name)

    def codes(self, name: str) -> npt.NDArray[np.int64]:
        """A text column as codes into `labels`."""
        return self._column(name)

    def as_numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Any column as numbers that tell its values apart: codes of text, -1 for NaN."""
        return np.nan_to_num(self._column(name).astype(np.float64), nan=-1.0)

    def labels(self, name: str) -> Sequence[str]:
        """The distinct values of a text column, sorted."""
        return self._labels[name]

    def is_value(self, name: str, value: str) -> npt.NDArray[np.bool_]:
        """Where a text column has this value."""
        found = self._labels[name]
        if value not in found:
            return np.zeros(len(self), bool)
        return np.asarray(self._column(name) == list(found).index(value))

    def value(self, name: str, row: int) -> Any:
        """One value, as text or number."""
        found = self._column(name)[row]
        return self._labels[name][int(found)] if name in self._labels else float(found)

    def at(self, rows: Array) -> EpisodeRows:
        """These of the rows (indices or a mask)."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        return EpisodeRows(self._whole, self._labels, self._at(chosen))

    def _at(self, rows: Array) -> npt.NDArray[np.intp]:
        return np.asarray(rows if self._rows is None else self._rows[rows], np.intp)

    def _column(self, name: str) -> Array:
        if self._rows is None:
            return self._whole[name]
        if name not in self._taken:
            self._taken[name] = self._whole[name][self._rows]
        return self._taken[name]

    def values(self, name: str) -> list[Any]:
        """The distinct values that occur, sorted; numbers or text."""
        found = np.unique(self._column(name))
        if name in self._labels:
            return [self._labels[name][int(code)] for code in found]
        return [float(x) for x in found if x == x]  # noqa: PLR0124  NaN is no value

    def groups(self, *names: str) -> Iterator[tuple[tuple[Any, ...], EpisodeRows]]:
        """Each combination of values that occurs, with its rows, in sorted order."""
        if len(self) == 0:
            return
        if not names:
            yield (), self
            return
        key = np.zeros(len(self), np.int64)
        for name in names:
            found, inverse = np.unique(self._column(name), return_inverse=True)
            key = key * len(found) + inverse
        order = np.argsort(key, kind="stable")
        edges = np.flatnonzero(np.diff(key[order])) + 1
        for rows in np.split(order, edges):
            yield tuple(self.value(name, int(rows[0])) for name in names), self.at(rows)


def _encoded(table: pa.Table, name: str) -> tuple[Array, Sequence[str]]:
    if name not in table.column_names:
        return np.zeros(table.num_rows, np.int64), [""]
    column = table[name].cast(pa.string()).fill_null(pa.scalar(""))
    if len(column) == 0:
        return np.zeros(0, np.int64), []
    encoded: Any = pa.concat_arrays(column.chunks).dictionary_encode()
    labels = [str(x) for x in encoded.dictionary.to_pylist()]
    order = np.argsort(np.asarray(labels, object), kind="stable")
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels))
    return rank[encoded.indices.to_numpy(zero_copy_only=False)], [labels[i] for i in order]


def _numeric(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table[name].cast(pa.float64()).fill_null(pa.scalar(np.nan))
    return np.asarray(column.to_numpy(), np.float64)


def _check_identity(codes: Array, labels: Sequence[str]) -> None:
    """One record per trial: totals are computed, and a trial recorded twice would count twice."""
    if labels not in ([""], []) and len(labels) != len(codes):
        raise StoreCorrupt(
            f"{len(codes) - len(labels)} trials are recorded more than once",
            hint="run `stormproof status` on the folder; totals would be wrong",
        )
