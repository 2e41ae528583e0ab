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

from stormproof.report.columns import INFRASTRUCTURE, SIMULATED_NOTE, marked, simulated_models
from stormproof.report.side_by_side import marked_comparison
from stormproof.report.source import Results
from stormproof.report.table import Table, is_numeric, trimmed, visible, written
from stormproof.report.tables import all_tables, overall

_GAP = 2
_MOST_ROWS = 24
HEADLINE = {"model", "success %", "ceiling %", "share of ceiling %", "flags", "scored", "infra"}


def verdicts(results: Results) -> Mapping[str, str]:
    """The audit's verdicts on recordings; our own results need no reading to be shown."""
    if not results.imported:
        return {}
    from stormproof.audit import audit_table  # noqa: PLC0415  it brings the suite with it

    audit = audit_table(results.folder, results.table)
    return {group.name["model"]: group.verdict for group in audit.models}


def renderables(results: Results, second: Results | None = None) -> Iterator[RenderableType]:
    """The whole report, table after table, in reading order; each note stands once."""
    yield from _opening(results)
    told = {SIMULATED_NOTE}
    beside = () if second is None else marked_comparison(results, second)
    for table in (*beside, *all_tables(results.frame, verdicts(results))):
        yield Fitted(table)
        yield from (Text(visible(note), style="dim") for note in table.notes if note not in told)
        told.update(table.notes)


def headline(results: Results) -> Iterator[RenderableType]:
    """What a run says at its end: a row for each model, and no more than it takes to read it."""
    yield from _opening(results)
    whole = marked(overall(results.frame, verdicts(results)), simulated_models(results.frame))
    kept = [i for i, column in enumerate(whole.columns) if column.title in HEADLINE]
    columns = tuple(whole.columns[i] for i in kept)
    rows = tuple(tuple(row[i] for i in kept) for row in whole.rows)
    yield Fitted(Table(whole.key, whole.title, columns, rows))
    yield Text(visible(INFRASTRUCTURE), style="dim")


def _opening(results: Results) -> Iterator[RenderableType]:
    yield Text(f"Report of {visible(results.name)}", style="bold")
    for banner in results.banners:
        yield Text(banner, style="bold yellow")


class Fitted:
    """One table as rich shows it, in as many panels as the terminal's width asks for."""

    def __init__(self, table: Table) -> None:
        self._table = table = trimmed(table)
        self._rows = written(table)[:_MOST_ROWS]
        self._left = len(table.rows) - len(self._rows)
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
        said = range(len(names), len(columns))
        room = width - self._wide(names)
        panel: list[int] = []
        for i in said:
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
