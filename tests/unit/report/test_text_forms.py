from __future__ import annotations

import csv
import io
import re

from stormproof.report.report_table import Column, ReportTable, Value
from stormproof.report.text_forms import as_csv, as_latex, as_markdown
from stormproof.stats import Rate

HOSTILE = (
    "=cmd|' /C calc'!A0 <script>alert(1)</script> | \x1b[31m \u202eevil & $x_1$ {\\input{/etc}}"
)
RATE = Rate(0.5, 0.25, 0.75, 8, 8)


def table(*rows: tuple[Value, ...]) -> ReportTable:
    columns = (Column("model"), Column("success %", "interval"), Column("n", "count"))
    return ReportTable("t", "A table", columns, rows, ("A note.",))


def test_csv_keeps_full_numbers_and_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(table((HOSTILE, Rate(1 / 3, 0.1, 0.7, 3, 3), 3))))))
    assert rows[0] == [
        "model", "success (share)", "success low (share)", "success high (share)", "n",
    ]  # fmt: skip
    assert rows[1][0].startswith("'=")
    assert float(rows[1][1]) == 1 / 3


def test_markdown_holds_no_markup_of_others() -> None:
    text = as_markdown(table((HOSTILE, RATE, 8)))
    line = next(line for line in text.splitlines() if "script" in line)
    assert not re.search(r"(?<!\\)<", line)
    assert len(re.findall(r"(?<!\\)\|", line)) == 4
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_latex_holds_no_command_of_others() -> None:
    text = as_latex(table((HOSTILE, RATE, 8)))
    line = next(line for line in text.splitlines() if "script" in line)
    assert r"\input{" not in line
    assert r"\textbackslash{}input\{" in line
    assert r"\&" in line
    assert line.endswith(r"\\")
