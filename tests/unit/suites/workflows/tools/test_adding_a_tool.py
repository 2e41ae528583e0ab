from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from stormproof.suites.workflows.tools import Tool
from stormproof.suites.workflows.tools.calling import perform

PAGE = Path(__file__).parents[5] / "docs/adding-a-tool.md"


def test_the_pages_example_is_a_tool_that_works(
    orders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "data_processing_reverser.py").write_text(code.group(1))
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("data_processing_reverser").data_processing_reverser
    assert isinstance(made, Tool)
    result = perform(made, orders.world, {})
    assert [row["id"] for row in result.value] == [4, 3, 2, 1]
    assert result.handle == "data_processing_reverser_1"
