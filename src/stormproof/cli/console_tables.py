"""Tables for a person, in a terminal of any width. Imported late: rich takes 50 ms."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterable
from typing import NoReturn

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table

from stormproof.cli.streams import harmless

PLAIN_WIDTH = 200  # columns where no terminal says how wide it is
_GAP = 3  # between columns
_EDGES = 2


class PlainConsole(Console):
    """Shows what can be printed and nothing else.

    Where the reader is gone it raises BrokenPipeError; rich's own would end the process.
    """

    def on_broken_pipe(self) -> NoReturn:
        """Say it as any other failed write is said."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Without what a stranger's text could do to the terminal."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(harmless(segment.text), segment.style)


def output() -> Console:
    """Standard output as a rich console; where it is no terminal, wide enough not to cut."""
    if sys.stdout.isatty():
        return PlainConsole(highlight=False, emoji=False)
    return PlainConsole(file=_Trimmed(), width=PLAIN_WIDTH, highlight=False, emoji=False)


class _Trimmed(io.StringIO):
    """Standard output without the blanks that rich fills lines with: files and pipes keep them."""

    def write(self, text: str) -> int:
        return sys.stdout.write(re.sub(" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        sys.stdout.flush()


def table(title: str, texts: Iterable[str], figures: Iterable[str] = ()) -> Table:
    """An empty table: text columns on the left, figures to the right, read without colour too."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in texts:
        made.add_column(name, overflow="fold")
    for name in figures:
        made.add_column(name, justify="right", overflow="fold")
    return made


def show(console: Console, made: Table) -> None:
    """Print a table; one that is too wide goes on below itself, its first column repeated."""
    for part in _panels(made, console.width):
        console.print(part)


def _panels(made: Table, width: int) -> list[Table]:
    first, *others = made.columns
    room = width - _EDGES - _wide(first)
    groups: list[list[Column]] = [[]]
    for column in others:
        if groups[-1] and sum(map(_wide, [*groups[-1], column])) > room:
            groups.append([])
        groups[-1].append(column)
    return [_part(made, [first, *group], width) for group in groups]


def _part(made: Table, columns: list[Column], width: int) -> Table:
    is_first = columns[1:2] == made.columns[1:2]
    part = table(str(made.title) if is_first and made.title else "", ())
    fits = sum(map(_wide, columns)) + _EDGES <= width
    for column in columns:
        least = _wide(column) - _GAP if fits else None
        part.add_column(column.header, justify=column.justify, overflow="fold", min_width=least)
    rows = zip(*(column.cells for column in columns), strict=True)
    for number, row in enumerate(rows):
        part.add_row(*row, end_section=made.rows[number].end_section)
    return part


def _wide(column: Column) -> int:
    """Cells that a column takes without folding; its heading may fold between words."""
    words = str(column.header).split() or [""]
    return max(cell_len(text) for text in [*words, *map(str, column.cells)]) + _GAP
