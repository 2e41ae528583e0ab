"""Two results folders side by side, model by model; paired where both ran the same settings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from stormproof.report.cell_figures import CellFigures, figures_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import COUNTS, INTERVALS, SUCCESS, counts, marked, simulated_models
from stormproof.report.paired_comparisons import matched, p_of
from stormproof.report.report_table import Column, ReportTable, Value, visible
from stormproof.report.results import Results
from stormproof.stats import Comparison, compare, holm

_SIDE = (SUCCESS[0], SUCCESS[1], *COUNTS)
_SAME_NAME = ("A", "B")


def compared_tables(first: Results, second: Results) -> tuple[ReportTable, ...]:
    """Both folders beside each other, and the paired differences."""
    names = (visible(first.name), visible(second.name))
    a, b = _on_one_scale(first, second)
    if names[0] != names[1]:
        return _beside(a, b, names), _paired(a, b, names)
    places = zip(_SAME_NAME, (first.folder, second.folder), strict=True)
    legend = ", ".join(f"{name} is {visible(str(folder))}" for name, folder in places)
    beside = _beside(a, b, _SAME_NAME)
    return replace(beside, notes=(f"{legend}.", *beside.notes)), _paired(a, b, _SAME_NAME)


def marked_comparison(first: Results, second: Results) -> tuple[ReportTable, ...]:
    """The tables of `compared_tables` that have rows, the simulated models marked in words."""
    simulated = simulated_models(first.episodes) | simulated_models(second.episodes)
    tables = compared_tables(first, second)
    return tuple(marked(table, simulated) for table in tables if table.rows)


def _on_one_scale(first: Results, second: Results) -> tuple[EpisodeRows, EpisodeRows]:
    """The episodes of both, their codes meaning the same, so that tasks can be matched."""
    tables = [
        result.table.drop_columns(["trial_id"]).append_column(
            "trial_id", _marked(result.table["trial_id"].to_pylist(), mark)
        )
        for result, mark in ((first, "a "), (second, "b "))
    ]
    both = EpisodeRows.of(pa.concat_tables(tables, promote_options="permissive"))
    edge = first.table.num_rows
    rows = np.arange(len(both))
    return both.at(rows[:edge]), both.at(rows[edge:])


def _marked(ids: list[object], mark: str) -> pa.ChunkedArray[pa.StringScalar]:
    return pa.chunked_array([[f"{mark}{trial_id}" for trial_id in ids]], pa.string())


def _beside(first: EpisodeRows, second: EpisodeRows, names: tuple[str, str]) -> ReportTable:
    left, right = _by_model(first), _by_model(second)
    rows = tuple(
        (model, *_values(left.get(model)), *_values(right.get(model)))
        for model in sorted(left.keys() | right.keys())
    )
    columns = (
        Column("model"),
        *(replace(c, title=f"{name}: {c.title}") for name in names for c in _SIDE),
    )
    return ReportTable("compare", f"{names[0]} against {names[1]}", columns, rows, (INTERVALS,))


def _paired(first: EpisodeRows, second: EpisodeRows, names: tuple[str, str]) -> ReportTable:
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
    return ReportTable("compare_paired", "Paired differences", columns, rows, (note,))


def _by_model(episodes: EpisodeRows) -> dict[str, EpisodeRows]:
    return {model: group for (model,), group in episodes.groups("model")}


def _values(group: EpisodeRows | None) -> tuple[Value, ...]:
    cell: CellFigures | None = figures_of(group) if group else None
    if cell is None:
        return (None,) * len(_SIDE)
    return cell.success, cell.ceiling, *counts(cell)
