from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stormproof.suites.workflows.tasks import basic, load_task
from stormproof.suites.workflows.tasks.generate import SUITE_VERSION
from stormproof.suites.workflows.tasks.identity import read_id
from stormproof.suites.workflows.tasks.scene import Scene

PAGE = Path(__file__).parents[5] / "docs/adding-a-task.md"
EXAMPLE, READING = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("level", ["very_easy", "medium", "very_hard"])
def test_the_pages_archetype_makes_the_tasks_that_the_suite_has(level: str) -> None:
    identity = read_id(f"basic_task.{level}.00000")
    names: dict[str, Any] = dict(vars(basic))
    exec(EXAMPLE, names)  # noqa: S102  the page's own example
    scene = Scene(identity, 0, SUITE_VERSION, 0, "keep_and_save")
    names["keep_and_save"](scene)
    assert scene.build() == load_task(identity.task_id)


def test_the_page_shows_how_to_read_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    exec(READING, {})  # noqa: S102  the page's own example
    shown = capsys.readouterr().out
    assert shown == load_task("basic_task.very_hard.00000").description + "\n"
