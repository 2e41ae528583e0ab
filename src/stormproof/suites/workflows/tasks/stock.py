"""A stock of made-up records for each subject, and tables that are slices of it.

Thousands of records are too many to be made for one task. So each subject has a stock of them,
made once for a suite's seed, with the lines of each format; a table is a slice of it, in a month.
All figures have at most two decimals, ids ascend, and no two amounts of a stock are equal, so that
a maximum or a sort order is never ambiguous.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Sequence
from html import escape
from random import Random
from typing import Any

import msgspec

from stormproof.domain.trials import seed_of
from stormproof.suites.workflows.tasks.lexicon import Subject, subjects
from stormproof.suites.workflows.tasks.months import Month

Row = dict[str, Any]
Values = tuple[str, str, str, float, int, int]  # id, group, state, amount, count, day
IN_STOCK = 2_000
_NO_MONTH = "YYYY-MM"  # stands for the month in a stock's lines
_DAYS = 28
_encode = msgspec.json.Encoder().encode


class Stock:
    """A subject's records, and their lines in each format that was asked for."""

    def __init__(self, subject: Subject, rng: Random) -> None:
        self._subject = subject
        self.values = tuple(_made(subject, rng))
        self._lines: dict[str, list[str]] = {}  # format → a record's line, "" until it is asked for

    def lines(self, form: str, span: range) -> list[str]:
        """A line for each record of a slice, `_NO_MONTH` in place of its month."""
        known = self._lines.setdefault(form, [""] * len(self.values))
        own = slice(span.start, span.stop)
        if "" in known[own]:
            known[own] = self._made_lines(form, self.values[own])
        return known[own]

    def _made_lines(self, form: str, values: Sequence[Values]) -> list[str]:
        """What `line_of` makes of each record, all at once where that is faster."""
        if form == "json":
            rows = records(self._subject, values, _NO_MONTH)
            return [line_of(form, row) for row in rows]
        *others, days = zip(*values, strict=True)
        columns: list[Sequence[object]] = [*others, [f"{_NO_MONTH}-{day:02d}" for day in days]]
        line = ",".join(["%s"] * len(columns))
        if form == "xml":
            fields = "".join([f"<{name}>%s</{name}>" for name in self._subject.columns])
            line, columns = f"  <record>{fields}</record>", [*map(_escaped, columns)]
        return [line % each for each in zip(*columns, strict=True)]

    def text(self, form: str, span: range, month: Month) -> str:
        """A slice of the stock as a file of a month, without making the records."""
        lines = self.lines(form, span)
        return in_form(form, self._subject.columns, lines).replace(_NO_MONTH, month.stamp)


@functools.lru_cache(maxsize=48)
def stock(version: str, seed: int, at: int) -> Stock:
    """The stock of a subject, given by its place, under a suite's seed."""
    subject = subjects()[at]
    return Stock(subject, Random(seed_of("stock", version, seed, subject.stem)))  # noqa: S311  reproducible, not secret


def _made(subject: Subject, rng: Random) -> Iterator[Values]:
    """Records in which each group and state turns up soon again, however short the slice."""
    low, high = (round(bound * 100) for bound in subject.amount_range)
    size = min(IN_STOCK, high - low)
    first = rng.randrange(10_000, 90_000)
    return zip(
        [subject.id_form.format(first + 3 * at + rng.randrange(3)) for at in range(size)],
        _dealt(rng, list(subject.groups), size),
        _dealt(rng, list(subject.states), size),
        [hundredths / 100 for hundredths in rng.sample(range(low, high), size)],
        rng.choices(range(subject.count_range[0], subject.count_range[1] + 1), k=size),
        rng.choices(range(1, _DAYS + 1), k=size),
        strict=True,
    )


def _dealt(rng: Random, values: list[str], size: int) -> list[str]:
    """Values as from packs of cards, each of which holds every value twice."""
    pack = values * 2
    dealt: list[str] = []
    while len(dealt) < size:
        rng.shuffle(pack)
        dealt += pack
    return dealt[:size]


def records(subject: Subject, values: Sequence[Values], month: str) -> list[Row]:
    """Records with their columns' names, in a month."""
    key, group, state, amount, count, date = subject.columns
    days = [f"{month}-{day:02d}" for day in range(_DAYS + 1)]
    return [
        {key: k, group: g, state: s, amount: a, count: c, date: days[d]}
        for k, g, s, a, c, d in values
    ]


class Table:
    """Some records of a subject in a month, and what they look like in a file.

    `rows` may be changed by `put` alone, which keeps `_places` in step.
    """

    def __init__(self, source: Stock, subject: Subject, month: Month, span: range) -> None:
        self._stock = source
        self._month = month
        self.subject = subject
        self.rows = records(subject, source.values[span.start : span.stop], month.stamp)
        self._span = span
        self._untouched = True
        self._places: list[int] = list(span)  # a record's place in the stock, -1 for others

    def put(self, at: int, row: Row, *, extra: bool = False) -> None:
        """Another record in the place of one, or `extra`, before it."""
        end = at if extra else at + 1
        self._untouched = False
        self.rows[at:end] = [row]
        self._places[at:end] = [-1]

    def copied(self) -> Table:
        """The same records, whatever becomes of these."""
        twin = copy.copy(self)
        twin.rows, twin._places = self.rows.copy(), self._places.copy()  # noqa: SLF001  of its own class
        return twin

    def drop(self, at: int) -> None:
        """Leave a record out."""
        self._untouched = False
        del self.rows[at], self._places[at]

    def text(self, form: str) -> str:
        """The table as a file or an address holds it."""
        return text_of_tables(form, (self,))

    def lines(self, form: str) -> list[str]:
        """A line for each record, `_NO_MONTH` in place of its month."""
        known = self._stock.lines(form, self._span)
        if self._untouched:
            return known
        first = self._span.start
        return [
            line_of(form, row) if place < 0 else known[place - first]
            for place, row in zip(self._places, self.rows, strict=True)
        ]

    @property
    def stamp(self) -> str:
        """Its month, as files are named."""
        return self._month.stamp


def _escaped(column: Sequence[object]) -> list[str]:
    """Values, none of which has a line's end, as XML holds them."""
    return escape("\n".join(map(str, column)), quote=False).split("\n")


# --- texts -----------------------------------------------------------------------------------


def line_of(form: str, row: Row) -> str:
    """A record in a line. No value of ours needs quotes in CSV."""
    if form == "csv":
        return ",".join(["" if v is None else str(v) for v in row.values()])
    if form == "json":
        return "  " + _encode(row).decode()
    fields = (
        f"<{k}>{escape('' if v is None else str(v), quote=False)}</{k}>" for k, v in row.items()
    )
    return f"  <record>{''.join(fields)}</record>"


def in_form(form: str, names: Sequence[str], lines: Sequence[str]) -> str:
    """Lines as the text of a table."""
    if form == "csv":
        return "\n".join([",".join(names), *lines, ""])
    if form == "json":
        return "[\n" + ",\n".join(lines) + "\n]\n"
    return "\n".join(["<records>", *lines, "</records>", ""])


def text_of(form: str, rows: Sequence[Row]) -> str:
    """Records as the text of a table."""
    return in_form(form, list(rows[0]), [line_of(form, row) for row in rows])


def text_of_columns(form: str, names: Sequence[str], *columns: Sequence[str]) -> str:
    """Columns of texts that need no quotes as the text of a table, for long ones."""
    line = ",".join(["%s"] * len(names))
    if form == "json":
        line = "  {" + ",".join([f'"{name}":"%s"' for name in names]) + "}"
    return in_form(form, names, [line % values for values in zip(*columns, strict=True)])


def text_of_tables(form: str, tables: Sequence[Table]) -> str:
    """Tables of one subject and month as the text of one."""
    lines = [line for table in tables for line in table.lines(form)]
    return in_form(form, tables[0].subject.columns, lines).replace(_NO_MONTH, tables[0].stamp)
