from __future__ import annotations

import io

import pytest
from rich.console import Console

from stormproof.report.report_table import Column, ReportTable
from stormproof.report.terminal_tables import Fitted
from stormproof.stats import Rate

RATE = Rate(0.5, 0.25, 0.75, 8, 8)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_table_fits_any_terminal(width: int) -> None:
    columns = (Column("model"), *(Column(f"figure {i} %", "interval") for i in range(9)))
    wide = ReportTable("w", "Wide", columns, (("model-a", *[RATE] * 9), ("model-b", *[RATE] * 9)))
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(Fitted(wide))
    text = console.export_text()
    assert all(len(line) <= width for line in text.splitlines())
    assert text.count("50.0 [25.0, 75.0]") == 18
    assert text.count("model-a") == text.count("model-b") >= 1


def test_a_terminal_is_not_steered() -> None:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(
        Fitted(ReportTable("t", "A table", (Column("model"),), (("\x1b[31m \u202eevil",),)))
    )
    text = console.export_text()
    assert "\x1b" not in text
    assert "⟨U+001B⟩[31m" in text
