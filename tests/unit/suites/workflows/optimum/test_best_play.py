import functools
import math
from collections import deque

import pytest
from stormproof.suites.workflows.optimum.solution_forms import free_form, reaches_goal

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES, Condition
from stormproof.domain.tasks import Check, Execution, Step, Task
from stormproof.domain.trials import seed_of
from stormproof.score import success
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.optimum import Guide, ceiling, optimal_plan
from stormproof.suites.workflows.optimum.decision_process import solve
from stormproof.suites.workflows.optimum.support_steps import closure
from stormproof.suites.workflows.optimum.workflow import free_workflow, planned_workflow
from stormproof.suites.workflows.tasks import load_task, task_ids

RATES = (0.6, 0.7, 0.8, 0.9)


@functools.cache
def some_tasks(each: int = 3) -> tuple[Task, ...]:
    return tuple(
        load_task(task_id)
        for task_type in TASK_TYPES
        for difficulty in DIFFICULTIES
        for task_id in task_ids(task_type, difficulty, each)
    )


def play(task: Task, guide: Guide, rate: float, seed: int) -> list[Execution]:
    """An episode of the agent that takes the best step every time."""
    weathered = Weathered(WORKFLOWS, task, Condition("optimal", task.difficulty, rate), seed)
    done: list[Execution] = []
    last = deque[bool](maxlen=5)
    while (step := guide.next_step(done)) and (len(last) < 5 or any(last)):
        done.append(weathered.call(step.tool, step.arguments))
        last.append(done[-1].ok)
        if success(done) == "full":
            break
    return done


@pytest.mark.parametrize("rate", [0.6, 0.8])
def test_the_best_agent_reaches_the_ceiling_in_the_environment(rate: float) -> None:
    tasks = some_tasks(2)
    expected = [ceiling(task, rate, 10) for task in tasks]
    guides = [Guide(task, rate, 10) for task in tasks]
    played = [
        success(play(task, guide, rate, seed_of(task.task_id, n))) == "full"
        for task, guide in zip(tasks, guides, strict=True)
        for n in range(10)
    ]
    share, mean = sum(played) / len(played), sum(expected) / len(expected)
    spread = math.sqrt(sum(p * (1 - p) for p in expected) * 10) / len(played)
    assert abs(share - mean) < 3.3 * spread


def test_a_plan_that_keeps_the_order_of_its_data_costs_little() -> None:
    gaps = []
    for task in some_tasks(2):
        for rate in RATES:
            in_order = solve(planned_workflow(task).items, rate, 10).value
            gaps.append(ceiling(task, rate, 10) - in_order)
    assert min(gaps) >= -1e-12
    assert max(gaps) < 0.05
    assert sum(gaps) / len(gaps) < 0.01


def test_whatever_an_agent_knows_it_must_read_first() -> None:
    """Free forms reach the goal in any order that keeps what must come after what."""
    for task in some_tasks(1):
        free = free_form(task)
        assert reaches_goal(task, free.steps)
        order = sorted(range(len(free.steps)), key=lambda at: -at)
        placed: list[int] = []
        while order:
            ready = next(at for at in order if free.after[at] <= set(placed))
            placed.append(ready)
            order.remove(ready)
        assert reaches_goal(task, [free.steps[at] for at in placed])


def test_plans_reach_the_goal_and_hold_the_solution() -> None:
    for task in some_tasks():
        for rate in (*RATES, 1.0):
            plan = optimal_plan(task, rate, 10)
            tools = [step.tool for step in plan]
            assert reaches_goal(task, plan), (task.task_id, tools)
            required = [tool for tool in tools if tool in task.required_tools]
            assert required == [step.tool for step in task.solution]


def test_at_rate_one_the_plan_is_the_solution_and_the_ceiling_is_one() -> None:
    for task in some_tasks(1):
        assert optimal_plan(task, 1.0, 10) == task.solution
        assert ceiling(task, 1.0, 10) == 1.0
        assert ceiling(task, 1.0, 1) == 0.0
        assert optimal_plan(task, 1.0, 1) == task.solution


def test_ceilings_fall_with_the_rate_and_with_ambiguous_weather() -> None:
    for task in some_tasks(1):
        values = [ceiling(task, rate, 10) for rate in (0.3, *RATES, 1.0)]
        assert values == sorted(values)
        assert all(ceiling(task, r, 10, "ambiguous") <= ceiling(task, r, 10) for r in RATES)


def test_repeats_spoil_what_may_be_received_once() -> None:
    task = Task(
        task_id="simple_task.easy.99999",
        task_type="simple_task",
        difficulty="easy",
        description="Put the orders into the queue, once.",
        required_tools=("file_operations_reader", "integration_queue"),
        solution=(
            Step("file_operations_reader", {"path": "a.txt"}),
            Step("integration_queue", {"name": "orders"}),
        ),
        checks=(Check("queue", "orders", ["x"]),),
        files={"a.txt": "x"},
    )
    spoils = [item.spoils for item in free_workflow(task, "ambiguous").items]
    assert spoils == [0.0, 0.25]
    before, ambiguous = ceiling(task, 0.8, 10), ceiling(task, 0.8, 10, "ambiguous")
    assert before - ambiguous == pytest.approx(0.2 * 0.25, abs=0.02)


def test_dependencies_near_and_far_come_in_order() -> None:
    assert closure(["utility_notifier"]) == (
        "data_processing_parser",
        "data_processing_aggregator",
        "computation_analyzer",
        "network_monitor",
    )
