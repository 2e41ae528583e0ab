"""Two results folders side by side, model by model; paired where both ran the same settings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from stormproof.report.cells import Cell, cell_of
from stormproof.report.columns import COUNTS, INTERVALS, SUCCESS, counts, marked, simulated_models
from stormproof.report.comparisons import p_of
from stormproof.report.frame import Frame
from stormproof.report.pairing import matched
from stormproof.report.source import Results
from stormproof.report.table import Column, Table, Value, visible
from stormproof.stats import Comparison, compare, holm

_SIDE = (SUCCESS[0], SUCCESS[1], *COUNTS)
_SAME_NAME = ("A", "B")


def compared_tables(first: Results, second: Results) -> tuple[Table, ...]:
    """Both folders beside each other, and the paired differences."""
    names = (visible(first.name), visible(second.name))
    a, b = _on_one_scale(first, second)
    if names[0] != names[1]:
        return _beside(a, b, names), _paired(a, b, names)
    places = zip(_SAME_NAME, (first.folder, second.folder), strict=True)
    said = ", ".join(f"{name} is {visible(str(folder))}" for name, folder in places)
    beside = _beside(a, b, _SAME_NAME)
    return replace(beside, notes=(f"{said}.", *beside.notes)), _paired(a, b, _SAME_NAME)


def marked_comparison(first: Results, second: Results) -> tuple[Table, ...]:
    """The tables of `compared_tables` that have rows, the simulated models marked in words."""
    simulated = simulated_models(first.frame) | simulated_models(second.frame)
    tables = compared_tables(first, second)
    return tuple(marked(table, simulated) for table in tables if table.rows)


def _on_one_scale(first: Results, second: Results) -> tuple[Frame, Frame]:
    """Two frames whose codes mean the same, so that tasks can be matched."""
    tables = [
        result.table.drop_columns(["trial_id"]).append_column(
            "trial_id", _marked(result.table["trial_id"].to_pylist(), mark)
        )
        for result, mark in ((first, "a "), (second, "b "))
    ]
    both = Frame.of(pa.concat_tables(tables, promote_options="permissive"))
    edge = first.table.num_rows
    rows = np.arange(len(both))
    return both.at(rows[:edge]), both.at(rows[edge:])


def _marked(ids: list[object], mark: str) -> pa.ChunkedArray[pa.StringScalar]:
    return pa.chunked_array([[f"{mark}{trial_id}" for trial_id in ids]], pa.string())


def _beside(first: Frame, second: Frame, names: tuple[str, str]) -> Table:
    left, right = _by_model(first), _by_model(second)
    rows = tuple(
        (model, *_values(left.get(model)), *_values(right.get(model)))
        for model in sorted(left.keys() | right.keys())
    )
    columns = (
        Column("model"),
        *(replace(c, title=f"{name}: {c.title}") for name in names for c in _SIDE),
    )
    return Table("compare", f"{names[0]} against {names[1]}", columns, rows, (INTERVALS,))


def _paired(first: Frame, second: Frame, names: tuple[str, str]) -> Table:
    left, right = _by_model(first), _by_model(second)
    found: list[tuple[str, Comparison]] = []
    for model in sorted(left.keys() & right.keys()):
        a, b = matched([left[model], right[model]], "")
        if len(a) > 1:
            found.append((model, compare("", a, b)))
    adjusted = holm([p_of(c) for _, c in found])
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (model, c.difference.tasks, c.first, c.second, c.difference, p, c.method)
        for (model, c), p in zip(found, adjusted, strict=True)
    )
    columns = (
        Column("model"),
        Column("tasks paired", "count"),
        Column(f"{names[0]}: success %", "interval"),
        Column(f"{names[1]}: success %", "interval"),
        Column("difference, points", "points"),
        Column("p (Holm)", "p"),
        Column("method"),
    )
    note = "Only settings that both folders completed count; the same tasks, paired."
    return Table("compare_paired", "Paired differences", columns, rows, (note,))


def _by_model(frame: Frame) -> dict[str, Frame]:
    return {model: group for (model,), group in frame.groups("model")}


def _values(group: Frame | None) -> tuple[Value, ...]:
    cell: Cell | None = cell_of(group) if group else None
    if cell is None:
        return (None,) * len(_SIDE)
    return cell.success, cell.ceiling, *counts(cell)
