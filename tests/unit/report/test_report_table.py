from __future__ import annotations

import math

import pytest

from stormproof.report.report_table import Column, ReportTable, Value, shown, trimmed, visible
from stormproof.stats import Contrast, Rate

RATE = Rate(0.5, 0.25, 0.75, 8, 8)


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


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[31mb\u202ec\x00d\ne\tf") == "a⟨U+001B⟩[31mb⟨U+202E⟩c⟨U+0000⟩d\ne\tf"


def test_columns_without_a_value_are_left_out() -> None:
    columns = (Column("model"), Column("success %", "interval"), Column("n", "count"))
    found = trimmed(ReportTable("t", "A table", columns, (("a", None, 1), ("b", None, 2))))
    assert [column.title for column in found.columns] == ["model", "n"]
    assert found.rows == (("a", 1), ("b", 2))
