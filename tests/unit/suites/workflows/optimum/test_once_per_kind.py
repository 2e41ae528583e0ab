"""Tasks of a kind differ in their data alone: what one of them tells holds for all."""

import pytest
from msgspec.structs import replace

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES
from stormproof.domain.tasks import Task
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.support_steps import useful_tools
from stormproof.suites.workflows.optimum.workflow import parts_of, survey
from stormproof.suites.workflows.tasks import load_task, small_sibling


@pytest.mark.parametrize("start", [0, 101])
def test_what_was_worked_out_on_another_task_is_what_this_one_says(start: int) -> None:
    known = set()
    for number in range(start, start + 60):
        task = load_task(f"{TASK_TYPES[start % 5]}.{DIFFICULTIES[number % 3]}.{number:05d}")
        alone = replace(task, kind="")
        assert survey(task) == survey(alone), task.task_id
        assert parts_of(task) == parts_of(alone), task.task_id
        assert useful_tools(task) == useful_tools(alone), task.task_id
        known.add(task.structure)
    assert len(known) < 60


@pytest.mark.parametrize("difficulty", ["hard", "very_hard"])
def test_a_task_with_few_records_tells_what_its_large_sibling_does(difficulty: str) -> None:
    """A task of no kind is looked at with all its records."""
    smaller = 0
    for number in range(0, 201, 20):
        task = load_task(f"{TASK_TYPES[number % 5]}.{difficulty}.{number:05d}")
        small = small_sibling(task)
        smaller += small.structure == task.structure and _length(small) < _length(task) / 2
        assert survey(task) == survey(replace(task, kind="")), task.task_id
    assert smaller > 8


def _length(task: Task) -> int:
    texts = [*task.files.values(), *(resource.body for resource in task.resources.values())]
    return sum(map(len, texts))


def test_a_task_from_elsewhere_is_its_own_small_sibling() -> None:
    task = load_task("basic_task.hard.00003")
    assert small_sibling(task) is not task
    foreign = replace(task, task_id="basic_task.hard.00004")
    assert small_sibling(foreign) is foreign


def test_work_is_done_once_for_a_kind_and_each_time_for_a_task_of_none() -> None:
    done = []

    @once_per_kind
    def work(task: Task, rate: float) -> str:
        done.append((task.task_id, rate))
        return task.kind

    first = load_task("simple_task.easy.00000")
    second = replace(first, task_id="simple_task.easy.00001", description="Other words.")
    assert work(first, 0.5) == work(second, 0.5) == first.kind
    assert work(second, 0.6) == first.kind
    assert done == [(first.task_id, 0.5), (second.task_id, 0.6)]
    for _ in range(2):
        assert work(replace(first, kind=""), 0.5) == ""
    assert len(done) == 4


def test_a_task_with_another_check_is_of_another_structure() -> None:
    task = load_task("simple_task.easy.00000")
    assert replace(task, checks=task.checks * 2).structure != task.structure
