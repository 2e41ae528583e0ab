"""Tables in a terminal of any width: a wide one goes on below, its first columns repeated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as Grid
from rich.text import Text

from stormproof.audit import audit
from stormproof.report.contents import Contents
from stormproof.report.headings import (
    COUNTS,
    FLAGS,
    INFRASTRUCTURE,
    SUCCESS,
    marked,
)
from stormproof.report.report_table import ReportTable, is_numeric, trimmed, visible, written
from stormproof.report.results import SIMULATED_NOTE, Results
from stormproof.report.success_tables import by_condition, overall
from stormproof.store import read_episodes

_GAP = 2
_MOST_ROWS = 24
_FIRST = {"completeness", "missing", "compare", "compare_paired"}
_IN_FILES_ALONE = {
    "audit", "audit_cells", "signs", "reasons", "findings", "speed", "workers", "endpoints",
}  # fmt: skip
HEADLINE = {"model", "condition", *(c.title for c in (*SUCCESS, FLAGS, *COUNTS))}


def verdicts(results: Results) -> Mapping[str, str]:
    """The audit's verdicts, by model."""
    judged = audit(read_episodes(results.folder)).models
    return {one.name["model"]: one.verdict for one in judged}


def renderables(contents: Contents) -> Iterator[RenderableType]:
    """The report, table after table, in reading order; each note stands once."""
    yield from _opening(contents.results)
    shown = {SIMULATED_NOTE}  # the opening says it
    tables = [table for table in contents.tables if table.key not in _IN_FILES_ALONE]
    for table in sorted(tables, key=lambda table: table.key not in _FIRST):
        yield Fitted(table)
        yield from (Text(visible(note), style="dim") for note in table.remarks if note not in shown)
        shown.update(table.remarks)


def headline(results: Results) -> Iterator[RenderableType]:
    """What a run says at its end: a row for each model, and no more than it takes to read it."""
    yield from _opening(results)
    whole = _closing(results)
    kept = [i for i, column in enumerate(whole.columns) if column.title in HEADLINE]
    columns = tuple(whole.columns[i] for i in kept)
    rows = tuple(tuple(row[i] for i in kept) for row in whole.rows)
    yield Fitted(ReportTable(whole.key, whole.title, columns, rows))
    for note in (whole.cells, INFRASTRUCTURE):
        if note:
            yield Text(visible(note), style="dim")


def _closing(results: Results) -> ReportTable:
    """A row for each condition and model while they are few, else one for each model."""
    by = by_condition(results.episodes)
    if 0 < len(by.rows) <= _MOST_ROWS:
        return marked(by, results.simulated_models)
    whole = overall(results.episodes, verdicts(results), results.models)
    return marked(whole, results.simulated_models)


def _opening(results: Results) -> Iterator[RenderableType]:
    yield Text(f"Report of {visible(results.name)}", style="bold")
    for banner in results.banners:
        yield Text(banner, style="bold yellow")


class Fitted:
    """One table as rich shows it, in as many panels as the terminal's width asks for."""

    def __init__(self, table: ReportTable) -> None:
        self._table = table = trimmed(table)
        self._rows = written(table)[:_MOST_ROWS]  # a text for each column of `_table`
        self._left = len(table.rows) - len(self._rows)  # rows that are counted, not shown
        # Of each column: its longest value, or the longest word of its heading, at least 1.
        self._widths = [
            max(_longest_word(column.title), *(cell_len(row[i]) for row in self._rows), 1)
            for i, column in enumerate(table.columns)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text()
        yield Text(visible(self._table.title), style="bold")
        for chosen in self._panels(options.max_width):
            yield self._grid(chosen)
        if self._left:
            rows = "row" if self._left == 1 else "rows"
            yield Text(f"and {self._left:,} more {rows}; the report's files have them all")

    def _panels(self, width: int) -> Iterator[list[int]]:
        """Columns by number: those that name the row, and then as many figures as fit."""
        columns = self._table.columns
        names = [i for i, _ in enumerate(takewhile(lambda c: not is_numeric(c.kind), columns))]
        figures = range(len(names), len(columns))
        room = width - self._wide(names)
        panel: list[int] = []
        for i in figures:
            if panel and self._wide([*panel, i]) > room:
                yield names + panel
                panel = []
            panel.append(i)
        yield names + panel

    def _wide(self, columns: Sequence[int]) -> int:
        return sum(self._widths[i] + _GAP for i in columns)

    def _grid(self, chosen: Sequence[int]) -> Grid:
        grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for i in chosen:
            column = self._table.columns[i]
            justify: Literal["left", "right"] = "right" if is_numeric(column.kind) else "left"
            grid.add_column(Text(column.title), justify=justify, width=self._widths[i])
        for row in self._rows:
            grid.add_row(*(Text(row[i]) for i in chosen))
        return grid


def _longest_word(title: str) -> int:
    """Where a heading can break; its unit stays with the last word."""
    return max(map(cell_len, title.replace(" %", "_%").split()))
