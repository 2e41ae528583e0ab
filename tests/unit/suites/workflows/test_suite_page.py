from pathlib import Path

from stormproof.domain.conditions import FLAWS, PROMPT_TYPES, TASK_TYPES
from stormproof.score import CATEGORIES
from stormproof.suites.workflows.tools import CATALOGUE

PAGE = (Path(__file__).parents[4] / "docs" / "suite.md").read_text()
ROWS = PAGE.splitlines()


def test_the_page_names_all_that_there_is() -> None:
    for name, tool in CATALOGUE.items():
        needs = ", ".join(f"`{need}`" for need in tool.spec.needs)
        assert any(row.startswith(f"| `{name}` |") and row.endswith(f"| {needs} |") for row in ROWS)
    for name in (*FLAWS, *CATEGORIES, *PROMPT_TYPES[:3]):
        assert f"| `{name}` |" in PAGE
    assert all(task_type in PAGE for task_type in TASK_TYPES)
