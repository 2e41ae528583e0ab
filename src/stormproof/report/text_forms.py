"""Tables as text files: Markdown, CSV and LaTeX, in which no text of others can act."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from typing import Final

from stormproof.report.report_table import (
    Column,
    IfLost,
    ReportTable,
    Value,
    is_numeric,
    trimmed,
    visible,
    written,
)
from stormproof.report.results import Results
from stormproof.stats import Contrast, Rate

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run
_TEX: Final = {
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


def as_document(results: Results, tables: Sequence[ReportTable]) -> str:
    """All tables under one heading; what must be said before any figure stands first."""
    head = [f"# Stormproof report: {escaped_markdown(results.name)}", ""]
    for banner in results.banners:
        head += [f"> **{banner}**", ""]
    return "\n".join([*head, *map(as_markdown, tables)])


def as_markdown(table: ReportTable) -> str:
    """A GitHub table; text is escaped so that it can hold no markup."""
    table = trimmed(table)
    head = "| " + " | ".join(escaped_markdown(c.title) for c in table.columns) + " |"
    rule = "|" + "|".join("---:" if is_numeric(c.kind) else "---" for c in table.columns) + "|"
    rows = ["| " + " | ".join(map(escaped_markdown, row)) + " |" for row in written(table)]
    notes = (
        ["", *(f"*{escaped_markdown(note)}*  " for note in table.remarks)] if table.remarks else []
    )
    return "\n".join([f"### {escaped_markdown(table.title)}", "", head, rule, *rows, *notes, ""])


def as_csv(table: ReportTable) -> str:
    """Numbers in full; an interval takes three columns. No text can be read as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for c in table.columns for name in _csv_names(c)])
    for row in table.rows:
        pairs = zip(row, table.columns, strict=True)
        writer.writerow([entry for value, c in pairs for entry in _csv_values(value, c)])
    return out.getvalue()


def as_latex(table: ReportTable) -> str:
    r"""A booktabs table, ready to \input."""
    table = trimmed(table)
    spec = "".join("r" if is_numeric(c.kind) else "l" for c in table.columns)
    head = " & ".join(_tex(c.title) for c in table.columns) + r" \\"
    rows = [" & ".join(map(_tex, row)) + r" \\" for row in written(table)]
    notes = " ".join(_tex(note) for note in table.remarks)
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


def escaped_markdown(text: str) -> str:
    """Text that can hold no markup, on one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", visible(text))
    return " ".join(escaped.split())


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in visible(text))


def _csv_names(column: Column) -> list[str]:
    """Percent and points are written as shares of 1, and say so."""
    title = visible(column.title)
    bare = title.removesuffix(" %").removesuffix(", points")
    unit = " (share)" if bare != title else ""
    if column.kind.endswith("bounds"):
        return [f"{bare} low{unit}", f"{bare} high{unit}"]
    if column.kind in {"interval", "points", "ratio"}:
        return [f"{bare}{unit}", f"{bare} low{unit}", f"{bare} high{unit}"]
    return [f"{bare}{unit}"]


def _csv_values(value: Value, column: Column) -> list[str]:
    width = len(_csv_names(column))
    if isinstance(value, IfLost):
        return [_number(value.low), _number(value.high)]
    if isinstance(value, Rate | Contrast):
        numbers = (value.estimate, value.low, value.high)
        return [_number(number) for number in numbers[:width]]
    if isinstance(value, str):
        return ["'" * value.startswith(_FORMULA) + visible(value)]
    return [_number(value), *[""] * (width - 1)]


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return repr(value)
