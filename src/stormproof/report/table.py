"""Tables as data, and their plain forms: terminal text, Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stormproof.stats import Contrast, Rate

Kind = Literal["text", "count", "percent", "interval", "number", "points", "ratio", "p"]
Value = str | int | float | Rate | Contrast | None

MISSING = "–"
_SUSPECT = re.compile(r"[^\n\t -~]")
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Column(Struct, frozen=True):
    """`kind` says how values are written, sorted and aligned; `about` explains the heading."""

    title: str
    kind: Kind = "text"
    about: str = ""


class Table(Struct, frozen=True):
    """A titled grid. `key` names its files; `notes` stand under it, one sentence each."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()


def trimmed(table: Table) -> Table:
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
    return math.nan if value is None else value


def is_numeric(kind: Kind) -> bool:
    """Whether a column is aligned to the right."""
    return kind != "text"


def as_markdown(table: Table) -> str:
    """A GitHub table; text is escaped so that it can hold no markup."""
    table = trimmed(table)
    head = "| " + " | ".join(escaped_markdown(c.title) for c in table.columns) + " |"
    rule = "|" + "|".join("---:" if is_numeric(c.kind) else "---" for c in table.columns) + "|"
    rows = ["| " + " | ".join(map(escaped_markdown, row)) + " |" for row in written(table)]
    notes = ["", *(f"*{escaped_markdown(note)}*  " for note in table.notes)] if table.notes else []
    return "\n".join([f"### {escaped_markdown(table.title)}", "", head, rule, *rows, *notes, ""])


def as_csv(table: Table) -> str:
    """Numbers in full; an interval takes three columns. No text can be read as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for c in table.columns for name in _csv_names(c)])
    for row in table.rows:
        pairs = zip(row, table.columns, strict=True)
        writer.writerow([cell for value, c in pairs for cell in _csv_cells(value, c)])
    return out.getvalue()


def as_latex(table: Table) -> str:
    r"""A booktabs table, ready to \input."""
    table = trimmed(table)
    spec = "".join("r" if is_numeric(c.kind) else "l" for c in table.columns)
    head = " & ".join(_tex(c.title) for c in table.columns) + r" \\"
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in written(table)]
    notes = " ".join(_tex(note) for note in table.notes)
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering\small",
            rf"\caption{{{_tex(table.title)}. {notes}}}",
            rf"\label{{tab:{table.key}}}",
            rf"\begin{{tabular}}{{{spec}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


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
    sign = "+" if kind == "points" and isinstance(value, Contrast) else ""
    low, high = 100 * value.low, 100 * value.high
    return f"{100 * value.estimate:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


def _bound(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.2f}"


def written(table: Table) -> list[list[str]]:
    """All cells as people read them, with no character left that could steer a terminal."""
    return [
        [visible(shown(v, c.kind)) for v, c in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]


def escaped_markdown(text: str) -> str:
    """Text that can hold no markup, on one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", visible(text))
    return " ".join(escaped.split())


_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "÷": r"$\div$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in visible(text))


def _csv_names(column: Column) -> list[str]:
    bare = visible(column.title)
    if column.kind in {"interval", "points", "ratio"}:
        return [bare, f"{bare} low", f"{bare} high"]
    return [bare]


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _csv_cells(value: Value, column: Column) -> list[str]:
    if len(_csv_names(column)) > 1:
        if isinstance(value, Rate | Contrast):
            return [_number(value.estimate), _number(value.low), _number(value.high)]
        return [_number(value), "", ""]
    if isinstance(value, str):
        return ["'" * value.startswith(_FORMULA) + visible(value)]
    return [_number(value)]


def _number(value: Value) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
