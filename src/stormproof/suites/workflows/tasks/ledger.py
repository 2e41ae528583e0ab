"""Tables of made-up records, and the texts that hold them.

All figures have at most two decimals, ids ascend, and no two amounts of a table are equal, so
that a maximum or a sort order is never ambiguous.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from stormproof.suites.workflows.tasks.lexicon import Subject

Row = dict[str, Any]
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_HALF = 50


class Month(Struct, frozen=True):
    """A calendar month."""

    year: int
    number: int

    @property
    def stamp(self) -> str:
        """As files are named: 2025-03."""
        return f"{self.year}-{self.number:02d}"

    @property
    def name(self) -> str:
        """As people say it: March."""
        return _MONTHS[self.number - 1]

    @property
    def full(self) -> str:
        """As people write it: March 2025."""
        return f"{self.name} {self.year}"

    def after(self, months: int) -> Month:
        """The month so many months later; earlier, if negative."""
        year, number = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, number + 1)

    def day(self, number: int) -> str:
        """A date of this month."""
        return f"{self.stamp}-{number:02d}"


def make_table(rng: Random, subject: Subject, month: Month, size: int) -> list[Row]:
    """Records of one month, in the order of their ids; at least two of each of two states."""
    low, high = (round(bound * 100) for bound in subject.amount_range)
    first = rng.randrange(10_000, 90_000)
    amounts = rng.sample(range(low, high), size)
    states = _spread(rng, list(subject.states), size)
    groups = _spread(rng, list(subject.groups), size)
    days = sorted(rng.randrange(1, 29) for _ in range(size))
    return [
        {
            subject.id: subject.id_form.format(first + 3 * at + rng.randrange(3)),
            subject.group: groups[at],
            subject.state: states[at],
            subject.amount: amounts[at] / 100,
            subject.count: rng.randint(*subject.count_range),
            subject.date: month.day(days[at]),
        }
        for at in range(size)
    ]


def _spread(rng: Random, values: list[str], size: int) -> list[str]:
    """Values for `size` rows: each twice while there is room, the rest at random, shuffled."""
    rng.shuffle(values)
    spread = (values * 2)[:size]
    spread += [rng.choice(values) for _ in range(size - len(spread))]
    rng.shuffle(spread)
    return spread


# --- texts -----------------------------------------------------------------------------------


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Comma-separated text with a header line. No value of ours needs quotes."""
    lines = [",".join(rows[0]), *(",".join(str(v) for v in row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


def as_json(value: Any) -> str:
    """JSON with one record a line where it is a list, as people like to look at it."""
    if isinstance(value, list):
        return "[\n" + ",\n".join("  " + json.dumps(each) for each in value) + "\n]\n"
    return json.dumps(value, indent=2) + "\n"


def as_xml(rows: Iterable[Mapping[str, Any]], root: str, item: str) -> str:
    """One element a record, one child a field."""
    lines = [f"<{root}>"]
    for row in rows:
        fields = "".join(f"<{k}>{html.escape(str(v), quote=False)}</{k}>" for k, v in row.items())
        lines.append(f"  <{item}>{fields}</{item}>")
    return "\n".join([*lines, f"</{root}>"]) + "\n"


def untidy(rng: Random, rows: Sequence[Row], subject: Subject) -> str:
    """The rows as CSV with some of them twice, and blanks around some texts."""
    texts = [{**row, subject.group: f"{row[subject.group]}{_blanks(rng)}"} for row in rows]
    for _ in range(rng.randrange(2, 4)):
        at = rng.randrange(len(rows))
        double = {**rows[at], subject.group: f"{rows[at][subject.group]}{_blanks(rng)}"}
        texts.insert(
            rng.randrange(_after(texts, rows[at][subject.id], subject), len(texts) + 1), double
        )
    return as_csv(texts)


def _after(texts: Sequence[Row], name: str, subject: Subject) -> int:
    """The place behind a record: of doubles, the first to come is the one that stays."""
    return next(at for at, row in enumerate(texts) if row[subject.id] == name) + 1


def _blanks(rng: Random) -> str:
    return " " * rng.randrange(3)


# --- what is true of a table, worked out apart from the tools ---------------------------------


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
}


def summary(rows: Iterable[Row], subject: Subject, function: str) -> list[Row]:
    """One figure of the amount for each group."""
    figure, column = _FIGURES[function], subject.amount
    return [
        {subject.group: name, f"{function}_{column}": figure(members, column)}
        for name, members in by_group(rows, subject.group).items()
    ]


def grown(start: float, percent: int, months: int) -> dict[str, Any]:
    """What steady growth comes to: without chance, all runs end alike."""
    path = [start * (1 + percent / 100) ** month for month in range(1, months + 1)]
    return {"mean": path[-1], "low": path[-1], "high": path[-1], "path": path}


def ranked(rows: Iterable[Row], column: str) -> list[Row]:
    """Rows by a column, greatest first."""
    return sorted(rows, key=lambda row: -row[column])


def ranked_groups(rows: Iterable[Row], subject: Subject) -> list[str]:
    """The groups by their total amount, greatest first."""
    groups = by_group(rows, subject.group)
    return sorted(groups, key=lambda name: -total(groups[name], subject.amount))


def only(rows: Iterable[Row], names: Sequence[str]) -> list[Row]:
    """Rows reduced to some columns."""
    return [{name: row[name] for name in names} for row in rows]


def with_percent(rng: Random, figure: float) -> tuple[int, float]:
    """A percentage, and the figure with that on top, rounded to hundredths, never from a half."""
    hundredths = round(figure * 100)
    percents = [p for p in (5, 7, 8, 12, 15, 19, 20, 25) if hundredths * (100 + p) % 100 != _HALF]
    percent = rng.choice(percents)
    return percent, (hundredths * (100 + percent) + _HALF) // 100 / 100


def shared(figure: float, parts: int) -> float:
    """An equal share, rounded to hundredths; an odd number of parts never leaves a half."""
    return (2 * round(figure * 100) + parts) // (2 * parts) / 100
