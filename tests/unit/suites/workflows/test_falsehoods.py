from itertools import count

import pytest

from stormproof.domain.tasks import Resource, Task
from stormproof.suites.workflows.falsehoods import FALSIFIABLE, falsify
from stormproof.suites.workflows.tasks import load_task
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

NOW, BEFORE = "id,total\n1,12.50\n2,8.25\n3,7.75\n", "id,total\n1,3.10\n"
TASK = Task(
    task_id="simple_task.easy.99996",
    task_type="simple_task",
    difficulty="easy",
    description="",
    required_tools=(),
    solution=(),
    checks=(),
    files={"in/sales_2024-03.csv": NOW, "in/sales_2024-02.csv": BEFORE, "note.txt": "all well"},
    resources={"https://a.example/empty": Resource(200, "")},
)


def false(path: str, how: str) -> str:
    """What a reading of a file shows when it is false in this way."""
    for pick in count(0, 2**32 // 97):
        world = World(TASK)
        handle = run_tool(world, "file_operations_reader", {"path": path}).handle or ""
        text, found = falsify(world, handle, pick)
        assert world.results[handle].value == text
        assert world.results[handle].source == path
        if found == how:
            return text
    raise AssertionError


def test_stale_data_is_that_of_the_nearest_namesake() -> None:
    assert false("in/sales_2024-03.csv", "stale") == BEFORE


def test_truncated_data_breaks_off() -> None:
    shown = false("in/sales_2024-03.csv", "truncated")
    assert NOW.startswith(shown)
    assert 0.3 * len(NOW) < len(shown) < len(NOW)
    assert "all well".startswith(false("note.txt", "truncated"))


def test_a_wrong_value_is_one_figure_without_its_point() -> None:
    shown = false("in/sales_2024-03.csv", "wrong value").split()
    differing = [pair for pair in zip(shown, NOW.split(), strict=True) if pair[0] != pair[1]]
    ((wrong, right),) = differing
    assert float(wrong.partition(",")[2]) == pytest.approx(100 * float(right.partition(",")[2]))


def test_even_what_is_empty_can_be_said_to_have_been_cut() -> None:
    world = World(TASK)
    made = run_tool(world, "network_fetcher", {"url": "https://a.example/empty"})
    assert falsify(world, made.handle or "", 5) == ("", "truncated")


@pytest.mark.parametrize("pick", [0, 1, 2**31, 2**32 - 1])
def test_whatever_a_task_has_to_be_read_can_be_false_and_is_not_what_it_was(pick: int) -> None:
    task = load_task("data_pipeline.medium.00003")
    for step in task.solution:
        world = World(task)
        made = run_tool(world, step.tool, step.arguments)
        if step.tool in FALSIFIABLE and made.ok:
            text, how = falsify(world, made.handle or "", pick)
            assert text != made.value, how
