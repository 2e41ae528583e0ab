"""A table as data, and its values as people read them, whatever form it is written in."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stormproof.stats import Contrast, Rate

Kind = Literal[
    "text", "count", "percent", "interval", "number", "points", "ratio", "p",
    "bounds", "points bounds", "ratio bounds",
]  # fmt: skip


class IfLost(Struct, frozen=True):
    """Where an estimate would lie had all that is not scored failed, or all succeeded."""

    low: float
    high: float


Value = str | int | float | Rate | Contrast | IfLost | None

MISSING = "–"
_SUSPECT = re.compile(r"[^\n\t -~]")
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Column(Struct, frozen=True):
    """`kind` says how values are written, sorted and aligned; `about` explains the heading."""

    title: str
    kind: Kind = "text"
    about: str = ""


class ReportTable(Struct, frozen=True):
    """A titled grid. `key` names its files; `notes` stand under it, one sentence each.

    `cells` says over which conditions its rates are; it stands under the table and its charts.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()
    cells: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that stands under it."""
        return (self.cells, *self.notes) if self.cells else self.notes


def trimmed(table: ReportTable) -> ReportTable:
    """Without the columns that no row has a value for, such as flags where there are none."""
    used = [
        i
        for i, column in enumerate(table.columns)
        if any(shown(row[i], column.kind) not in {"", MISSING} for row in table.rows)
    ]
    rows = tuple(tuple(row[i] for i in used) for row in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in used), rows=rows)


def shown(value: Value, kind: Kind) -> str:
    """A value as people read it; the unit stands in the column's heading."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, Rate | Contrast):
        return _interval(value, kind)
    if isinstance(value, IfLost):
        return f"{_limit(value.low, kind)} to {_limit(value.high, kind)}"
    return value if isinstance(value, str) else _number_shown(value, kind)


def _number_shown(value: float, kind: Kind) -> str:
    if kind == "count":
        return f"{value:,.0f}"
    if kind in {"percent", "points", "interval"}:
        return f"{100 * value:.1f}"
    if kind == "p":
        return "<0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004  as is usual
    return f"{value:.2f}"


def sort_key(value: Value) -> float | str:
    """What a column sorts by: the estimate of an interval; NaN sorts last."""
    if isinstance(value, Rate | Contrast):
        return value.estimate
    if isinstance(value, IfLost):
        return value.low
    return math.nan if value is None else value


def is_numeric(kind: Kind) -> bool:
    """Whether a column is aligned to the right."""
    return kind != "text"


def visible(text: str) -> str:
    """Control, format, bidi and line-separating characters made visible: no text can steer."""
    return _SUSPECT.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    character = match.group()
    return _named(character) if unicodedata.category(character) in _STEERING else character


def _named(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def _interval(value: Rate | Contrast, kind: Kind) -> str:
    if math.isnan(value.estimate):
        return MISSING
    if kind == "ratio":
        return f"{value.estimate:.2f} [{_bound(value.low)}, {_bound(value.high)}]"
    if kind == "percent":
        return f"{100 * value.estimate:.1f}"
    low, high = _limit(value.low, kind), _limit(value.high, kind)
    return f"{_limit(value.estimate, kind)} [{low}, {high}]"


def _limit(value: float, kind: Kind) -> str:
    if kind.startswith("ratio"):
        return _bound(value)
    sign = "+" if kind.startswith("points") else ""
    return f"{100 * value:{sign}.1f}"


def _bound(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.2f}"


def written(table: ReportTable) -> list[list[str]]:
    """All values as people read them, with no character left that could steer a terminal."""
    return [
        [visible(shown(v, c.kind)) for v, c in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
