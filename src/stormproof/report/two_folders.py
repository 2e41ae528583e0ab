"""Two results folders side by side, model by model; paired where both ran the same settings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from stormproof.report.cell_figures import CellFigures, figures_of
from stormproof.report.common_cells import align
from stormproof.report.condition_words import cells_in_words
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.headings import (
    COUNTS,
    INTERVALS,
    SUCCESS,
    counts,
    definition,
)
from stormproof.report.paired_comparisons import p_of, paired, pairing_columns, pairing_values
from stormproof.report.report_table import Column, ReportTable, Value, visible
from stormproof.report.results import Results
from stormproof.stats import holm

_SIDE = (*SUCCESS[:3], *COUNTS)
_SAME_NAME = ("A", "B")


def compared_tables(first: Results, second: Results) -> tuple[ReportTable, ...]:
    """Both folders beside each other, and the paired differences."""
    names = (visible(first.name), visible(second.name))
    a, b = on_one_scale(first, second)
    if names[0] != names[1]:
        return _beside(a, b, names), _paired(a, b, names)
    places = zip(_SAME_NAME, (first.folder, second.folder), strict=True)
    legend = ", ".join(f"{name} is {visible(str(folder))}" for name, folder in places)
    beside = _beside(a, b, _SAME_NAME)
    return replace(beside, notes=(f"{legend}.", *beside.notes)), _paired(a, b, _SAME_NAME)


def on_one_scale(first: Results, second: Results) -> tuple[EpisodeRows, EpisodeRows]:
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
    """Both folders' models over the cells that all of them share."""
    sides = [_by_model(first), _by_model(second)]
    keys = [(side, model) for side, own in enumerate(sides) for model in own]
    aligned = align([sides[side][model] for side, model in keys])
    cells = {key: figures_of(one) for key, one in zip(keys, aligned, strict=True)}
    rows = tuple(
        (model, *_values(cells.get((0, model))), *_values(cells.get((1, model))))
        for model in sorted(sides[0].keys() | sides[1].keys())
    )
    columns = (
        Column("model"),
        *(replace(c, title=f"{name}: {c.title}") for name in names for c in _SIDE),
    )
    title, over = f"{names[0]} against {names[1]}", cells_in_words(aligned, ())
    return ReportTable(
        "compare", title, columns, rows, (*_definitions(first, second), INTERVALS), over
    )


def _definitions(first: EpisodeRows, second: EpisodeRows) -> tuple[str, ...]:
    """What success is; where it is not the same on both sides, that before all."""
    one, other = definition(first), definition(second)
    if one == other:
        return (one,)
    return (f"The two sides do not mean the same by success. The first: {one} The second: {other}",)


def _paired(first: EpisodeRows, second: EpisodeRows, names: tuple[str, str]) -> ReportTable:
    left, right = _by_model(first), _by_model(second)
    found = [
        (model, pair)
        for model in sorted(left.keys() & right.keys())
        if (pair := paired([left[model], right[model]], "")).tasks > 1
    ]
    adjusted = holm([p_of(pair.comparison) for _, pair in found])
    rows = tuple(
        (model, *pairing_values(pair, p)) for (model, pair), p in zip(found, adjusted, strict=True)
    )
    titles = (f"{name}: success %" for name in names)
    columns = (Column("model"), *pairing_columns(*titles))
    note = "Only settings that both folders completed count; the same tasks, paired."
    return ReportTable("compare_paired", "Paired differences", columns, rows, (note,))


def _by_model(episodes: EpisodeRows) -> dict[str, EpisodeRows]:
    return {model: group for (model,), group in episodes.groups("model")}


def _values(cell: CellFigures | None) -> tuple[Value, ...]:
    if cell is None:
        return (None,) * len(_SIDE)
    return cell.success, cell.bounds, cell.ceiling, *counts(cell)
