from __future__ import annotations

import subprocess
import sys

import pytest

from stormproof.domain.conditions import Condition
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import ceiling
from stormproof.suites.workflows.tools import CATALOGUE


def test_the_face_shows_what_the_rooms_hold() -> None:
    assert {name: tool.spec for name, tool in CATALOGUE.items()} == WORKFLOWS.tools
    (task_id,) = WORKFLOWS.task_ids("simple_task", "easy", 1)
    task = WORKFLOWS.load_task(task_id)
    assert WORKFLOWS.find_task(f"Well: {task.description}") == task
    condition = Condition("baseline", "easy", 0.7, weather="ambiguous", max_turns=6)
    assert WORKFLOWS.ceiling(task, condition) == ceiling(task, 0.7, 6, "ambiguous")
    assert task.description in WORKFLOWS.opening(task, condition)[1].content
    assert WORKFLOWS.completion_phrase in WORKFLOWS.opening(task, condition)[0].content


@pytest.mark.parametrize("index", range(9))
def test_a_solution_tried_out_on_a_copy_leaves_the_original_as_it_was(index: int) -> None:
    task = WORKFLOWS.load_task(f"simple_task.medium.{index:05d}")
    original = WORKFLOWS.environment(task)
    copied = original.copied()
    assert all(copied.run(step.tool, step.arguments).ok for step in task.solution)
    assert copied.standing().goal_met
    assert not original.standing().goal_met


def test_numpy_is_there_before_an_episode_begins_and_not_loaded_to_plan_or_to_emulate() -> None:
    script = """
import sys
from stormproof.suites.workflows import WORKFLOWS
WORKFLOWS.load_task(WORKFLOWS.task_ids("simple_task", "easy", 1)[0])
assert "numpy" not in sys.modules
import stormproof.episode
assert "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
