from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stormproof.suites.workflows.goals import goal_met
from stormproof.suites.workflows.tasks import archetypes, load_task, works
from stormproof.suites.workflows.tasks.compose import Archetype, compose
from stormproof.suites.workflows.tasks.deliveries import write
from stormproof.suites.workflows.tasks.generate import SUITE_VERSION
from stormproof.suites.workflows.tasks.identity import read_id
from stormproof.suites.workflows.tasks.scene import Scene
from stormproof.suites.workflows.tasks.sources import a_file
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

PAGE = Path(__file__).parents[5] / "docs/adding-a-task.md"
LINE, STAGE, READING = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_pages_line_is_one_that_the_suite_has() -> None:
    name, source, look, its_works, deliveries = eval(LINE.strip(), vars(archetypes))[0]  # noqa: S307  the page's own
    kind = next(k for k in archetypes.ARCHETYPES["multi_stage_pipeline"] if k.name == name)
    assert (kind.source, kind.check, kind.works) == (source, look, its_works)
    assert kind.deliveries == deliveries


@pytest.mark.parametrize("level", ["easy"])
def test_the_pages_stage_makes_tasks_that_can_be_solved(level: str) -> None:
    names: dict[str, Any] = dict(vars(works))
    exec(STAGE, names)  # noqa: S102  the page's own example
    scene = Scene(read_id(f"simple_task.{level}.00000"), 0, SUITE_VERSION, 0, "odd_days")
    compose(scene, Archetype("odd_days", a_file, (names["keep_odd_days"],), (write,)), 0)
    task = scene.build()
    world = World(task)
    assert all(run_tool(world, step.tool, step.arguments).ok for step in task.solution)
    assert goal_met(world, task.checks)
    assert "odd day" in task.description


def test_the_page_shows_how_to_read_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    exec(READING, {})  # noqa: S102  the page's own example
    shown = capsys.readouterr().out
    assert shown == load_task("basic_task.very_hard.00000").description + "\n"
