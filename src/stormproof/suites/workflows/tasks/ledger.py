"""What is true of records, worked out in plain Python and apart from the tools.

Sums are exact in hundredths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

Row = dict[str, Any]
_HALF = 50


def total(rows: Iterable[Mapping[str, Any]], column: str) -> float:
    """The sum of a column, exact in hundredths."""
    hundredths: int = sum(round(row[column] * 100) for row in rows)
    return hundredths / 100


def by_group(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    """Rows under each value of a column, values in order of first appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


_FIGURES: dict[str, Callable[[Sequence[Row], str], float]] = {
    "sum": total,
    "mean": lambda rows, column: total(rows, column) / len(rows),
    "max": lambda rows, column: max(row[column] for row in rows),
    "min": lambda rows, column: min(row[column] for row in rows),
    "count": lambda rows, _: len(rows),
}


def figure(rows: Sequence[Row], function: str, column: str) -> float:
    """One figure over all rows."""
    return _FIGURES[function](rows, column)


def summary(rows: Iterable[Row], group: str, function: str, column: str) -> list[Row]:
    """One figure for each group, in a column named as the aggregator names it."""
    name = measure(function, column)
    return [
        {group: value, name: figure(members, function, column)}
        for value, members in by_group(rows, group).items()
    ]


def measure(function: str, column: str) -> str:
    """What the aggregator calls its column: `sum_amount`, or `count`."""
    return "count" if function == "count" else f"{function}_{column}"


def ranked(rows: Iterable[Row], column: str) -> list[Row]:
    """Rows by a column, greatest first."""
    return sorted(rows, key=lambda row: -row[column])


def only(rows: Iterable[Row], names: Sequence[str]) -> list[Row]:
    """Rows reduced to some columns."""
    return [{name: row[name] for name in names} for row in rows]


def renamed(rows: Iterable[Row], mapping: Mapping[str, str]) -> list[Row]:
    """Rows with other names: new name → where it stands, dotted where it is nested."""
    return [{name: _at(row, path) for name, path in mapping.items()} for row in rows]


def _at(record: Any, path: str) -> Any:
    for name in path.split("."):
        record = record[name]
    return record


def joined(rows: Iterable[Row], other: Mapping[str, Row], column: str) -> list[Row]:
    """Rows with the other table's fields, which is given by the column's value."""
    return [{**row, **other[row[column]]} for row in rows]


def grown(start: float, percent: int, months: int) -> dict[str, Any]:
    """What steady growth comes to: without chance, all runs end alike."""
    path = [start * (1 + percent / 100) ** month for month in range(1, months + 1)]
    return {"mean": path[-1], "low": path[-1], "high": path[-1], "path": path}


def with_percent(rng: Random, figure: float) -> tuple[int, float]:
    """A percentage, and the figure with that on top, rounded to hundredths, never from a half."""
    hundredths = round(figure * 100)
    percents = [p for p in (5, 7, 8, 12, 15, 19, 20, 25) if hundredths * (100 + p) % 100 != _HALF]
    percent = rng.choice(percents)
    return percent, (hundredths * (100 + percent) + _HALF) // 100 / 100
