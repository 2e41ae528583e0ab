"""Tasks of a kind differ in their data alone: what one of them tells holds for all."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES
from stormproof.domain.tasks import Task
from stormproof.suites.workflows.optimum import ceiling, optimal_plan
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind, structure
from stormproof.suites.workflows.optimum.support_steps import support_steps
from stormproof.suites.workflows.optimum.workflow import free_workflow
from stormproof.suites.workflows.tasks import load_task


def tasks_of_every_kind(start: int, seed: int) -> Iterator[Task]:
    for task_type in TASK_TYPES:
        for turn in range(10):
            level = DIFFICULTIES[(turn + start + seed) % len(DIFFICULTIES)]
            yield load_task(f"{task_type}.{level}.{start + turn:05d}", seed)


@pytest.mark.parametrize(("start", "seed"), [(0, 0), (30, 1), (170, 0), (10**9, 7)])
def test_what_was_worked_out_on_another_task_is_what_this_one_says(start: int, seed: int) -> None:
    for task in tasks_of_every_kind(start, seed):
        alone = replace(task, kind="")
        assert support_steps(task) == support_steps(alone)
        assert optimal_plan(task, 0.8, 10) == optimal_plan(alone, 0.8, 10)
        assert free_workflow(task, "ambiguous").items == free_workflow(alone, "ambiguous").items
        for weather in ("before", "ambiguous"):
            assert ceiling(task, 0.8, 10, weather) == ceiling(alone, 0.8, 10, weather)


def test_some_fifty_structures_make_the_suite() -> None:
    found = {structure(t) for start in range(0, 200, 20) for t in tasks_of_every_kind(start, 0)}
    assert 40 <= len(found) <= 80


def test_work_is_done_once_for_a_kind_and_each_time_for_a_task_of_none() -> None:
    done = []

    @once_per_kind
    def work(task: Task, rate: float) -> str:
        done.append((task.task_id, rate))
        return task.kind

    first, second = load_task("simple_task.easy.00000"), load_task("simple_task.hard.00000")
    assert structure(first) == structure(second)
    assert work(first, 0.5) == work(second, 0.5) == first.kind
    assert work(second, 0.6) == first.kind
    assert done == [(first.task_id, 0.5), (second.task_id, 0.6)]
    for _ in range(2):
        assert work(replace(first, kind=""), 0.5) == ""
    assert len(done) == 4


def test_a_task_with_another_check_is_of_another_structure() -> None:
    task = load_task("simple_task.easy.00000")
    assert structure(replace(task, checks=task.checks * 2)) != structure(task)
