from __future__ import annotations

import csv
import io
import math
import re

import pytest
from rich.console import Console

from stormproof.report.table import (
    Column,
    Table,
    Value,
    as_csv,
    as_latex,
    as_markdown,
    shown,
    trimmed,
    visible,
)
from stormproof.report.terminal import Fitted
from stormproof.stats import Contrast, Rate

HOSTILE = (
    "=cmd|' /C calc'!A0 <script>alert(1)</script> | \x1b[31m \u202eevil & $x_1$ {\\input{/etc}}"
)
RATE = Rate(0.5, 0.25, 0.75, 8, 8)


def table(*rows: tuple[Value, ...]) -> Table:
    columns = (Column("model"), Column("success %", "interval"), Column("n", "count"))
    return Table("t", "A table", columns, rows, ("A note.",))


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (RATE, "interval", "50.0 [25.0, 75.0]"),
        (Contrast(-0.1, -0.2, 0.05, 9), "points", "-10.0 [-20.0, +5.0]"),
        (Contrast(1.5, 0.5, math.inf, 9), "ratio", "1.50 [0.50, ∞]"),
        (1234567, "count", "1,234,567"),
        (0.0004, "p", "<0.001"),
        (0.04, "p", "0.040"),
        (math.nan, "number", "–"),
        (None, "interval", "–"),
        (Rate(math.nan, 0, 1, 0, 0), "interval", "–"),
    ],
)
def test_values_as_people_read_them(value: Value, kind: str, text: str) -> None:
    assert shown(value, kind) == text  # type: ignore[arg-type]  # literals from a table of cases


def test_csv_keeps_full_numbers_and_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(table((HOSTILE, Rate(1 / 3, 0.1, 0.7, 3, 3), 3))))))
    assert rows[0] == ["model", "success %", "success % low", "success % high", "n"]
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


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[31mb\u202ec\x00d\ne\tf") == "a⟨U+001B⟩[31mb⟨U+202E⟩c⟨U+0000⟩d\ne\tf"


def test_columns_without_a_value_are_left_out() -> None:
    found = trimmed(table(("a", None, 1), ("b", None, 2)))
    assert [column.title for column in found.columns] == ["model", "n"]
    assert found.rows == (("a", 1), ("b", 2))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_table_fits_any_terminal(width: int) -> None:
    columns = (Column("model"), *(Column(f"figure {i} %", "interval") for i in range(9)))
    wide = Table("w", "Wide", columns, (("model-a", *[RATE] * 9), ("model-b", *[RATE] * 9)))
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(Fitted(wide))
    text = console.export_text()
    assert all(len(line) <= width for line in text.splitlines())
    assert text.count("50.0 [25.0, 75.0]") == 18
    assert text.count("model-a") == text.count("model-b") >= 1


def test_a_terminal_is_not_steered() -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(Fitted(table((HOSTILE, RATE, 8))))
    text = console.export_text()
    assert "\x1b" not in text
    assert "⟨U+001B⟩[31m" in text
