from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from stormproof.errors import SuiteError
from stormproof.suites.workflows.tools import CATALOGUE, Tool
from stormproof.suites.workflows.tools.calling import perform
from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.world import World

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


def test_the_docstring_is_the_description_on_one_line() -> None:
    for made in CATALOGUE.values():
        assert made.work.__doc__ is not None
        assert made.spec.description.split() == made.work.__doc__.split()
        assert "\n" not in made.spec.description


def test_a_tool_without_a_docstring_is_refused() -> None:
    def utility_nameless(_world: World, arguments: ToolArguments) -> Made:
        return Made(arguments, "receipt")

    with pytest.raises(SuiteError, match="utility_nameless has no docstring"):
        tool(returns={"value": "nothing"})(utility_nameless)
