"""Every bound stands in one table of the docs, with the value that the code has."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "bounds.md").read_text()
ROWS = re.findall(r"^\| [^|]+ \| ([\d,]+) \| `([\w.]+)` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("value", "name"), ROWS)
def test_a_bound_is_as_the_page_says(value: str, name: str) -> None:
    module, _, constant = name.rpartition(".")
    assert getattr(import_module(f"stormproof.{module}"), constant) == int(value.replace(",", ""))


def test_every_row_of_the_tables_names_its_bound() -> None:
    rows = re.findall(r"^\| (?!what \|)", PAGE, re.MULTILINE)
    assert len(rows) == len(ROWS) > 20
