import functools
import math
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.conditions import DIFFICULTIES, TASK_TYPES, Condition
from stormproof.domain.tasks import Check, Execution, Step, Task
from stormproof.domain.trials import seed_of
from stormproof.score import success
from stormproof.suites import Weathered
from stormproof.suites.weather import History, draw, probability, success_probability
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.tasks import load_task, task_ids
from stormproof.suites.workflows.workflow import (
    FILLER,
    NOTHING_HELPS,
    Guide,
    Item,
    ceiling,
    free_workflow,
    optimal_plan,
    planned_workflow,
    solve,
)
from stormproof.suites.workflows.workflow.forms import free_form, reaches_goal
from stormproof.suites.workflows.workflow.support import closure

RATES = (0.6, 0.7, 0.8, 0.9)


def brute_force(items: tuple[Item, ...], rate: float, calls: int) -> float:
    """Expected success of the best agent, by search over whole histories.

    Kept apart from the solver: histories are lists of calls, the weather's own memory judges
    them, and calling again what is done (also once it has failed since) is an action too.
    """
    names = [str(at) for at in range(len(items))]
    required = [name for name, item in zip(names, items, strict=True) if item.required]

    def listed(mask: int) -> list[str]:
        return [name for at, name in enumerate(names) if mask >> at & 1]

    def lived(calls_made: tuple[tuple[str, bool], ...]) -> History:
        history = History()
        for name, ok in calls_made:
            history.add(name, ok=ok)
        return history

    @functools.cache
    def best(calls_made: tuple[tuple[str, bool], ...]) -> float:
        history = lived(calls_made)
        if all(name in history.succeeded for name in required):
            return 1.0
        row = [ok for _, ok in calls_made[-5:]]
        if len(calls_made) == calls or (len(row) == 5 and not any(row)):
            return 0.0
        return max(value(calls_made, history, name) for name in [*names, "filler"])

    def value(calls_made: tuple[tuple[str, bool], ...], history: History, name: str) -> float:
        item = items[int(name)] if name != "filler" else Item(required=False)
        if not history.succeeded.issuperset(listed(item.hard)):
            return 0.0
        never = [f"never {n}" for n in range(item.never)]
        chance = success_probability(rate, [*listed(item.soft), *never], history)
        failing = (1 - chance) * (1 - item.spoils)
        return chance * best((*calls_made, (name, True))) + (
            failing * best((*calls_made, (name, False))) if failing else 0.0
        )

    return best(())


@st.composite
def small_workflows(draw_: st.DrawFn) -> tuple[Item, ...]:
    """Two or three items, dependencies pointing back or forth but never in a ring."""
    count = draw_(st.integers(1, 3))
    order = draw_(st.permutations(range(count)))
    items = []
    for at in range(count):
        earlier = [i for i in range(count) if order[i] < order[at]]
        required = at == 0 or draw_(st.booleans())
        soft = sum(1 << i for i in earlier if draw_(st.booleans()))
        hard = sum(1 << i for i in earlier if required and draw_(st.booleans()))
        spoils = draw_(st.sampled_from([0.0, 0.0, 0.25])) if required else 0.0
        never = draw_(st.integers(0, 2))
        items.append(Item(required, hard=hard, soft=soft | hard, never=never, spoils=spoils))
    return tuple(items)


@settings(max_examples=25, deadline=None)
@given(st.data(), small_workflows(), st.sampled_from([0.1, 0.4, 0.6, 0.8, 0.95, 1.0]))
def test_the_solution_is_what_brute_force_finds(
    data: st.DataObject, items: tuple[Item, ...], rate: float
) -> None:
    calls = data.draw(st.integers(1, 8 - len(items)))
    assert solve(items, rate, calls).value == pytest.approx(brute_force(items, rate, calls))


def test_one_item_by_hand() -> None:
    """Attempts at 0.6, 0.6, 0.6, then with three failures behind at 0.6 × 0.9³."""
    worn = 0.6 * 0.9**3
    assert solve((Item(required=True),), 0.6, 3).value == pytest.approx(1 - 0.4**3)
    expected = 1 - 0.4**3 * (1 - worn) ** 2
    assert solve((Item(required=True),), 0.6, 5).value == pytest.approx(expected)


def test_five_failures_in_a_row_end_it_all() -> None:
    """A certain filler would break the row; at a rate of 0.05 nothing is certain."""
    assert solve((Item(required=True),), 0.05, 5).value == pytest.approx(1 - 0.95**5)
    many = solve((Item(required=True),), 0.3, 10)
    outcomes = 0b1111
    assert many.action(3, 0, outcomes) == 0


def test_a_useful_item_is_called_where_it_pays() -> None:
    items = (Item(required=True, soft=0b10), Item(required=False))
    assert solve(items, 0.8, 10).action(10, 0, 0) == 1
    assert solve(items, 0.8, 1).action(1, 0, 0) == 0
    assert solve(items, 1.0, 10).action(10, 0, 0) == 0


def test_a_call_that_nothing_depends_on_can_break_a_row_of_failures() -> None:
    hopeless = (Item(required=True, never=3),)
    solution = solve(hopeless, 0.9, 8)
    assert solution.action(4, 0, 0b1111) == FILLER


def test_nothing_helps_when_the_budget_is_too_small() -> None:
    items = (Item(required=True), Item(required=True, hard=1, soft=1))
    assert solve(items, 0.9, 1).value == 0
    assert solve(items, 0.9, 1).action(1, 0, 0) == NOTHING_HELPS


def test_order_that_the_score_asks_for_is_kept() -> None:
    items = (Item(required=True, hard=0b10, soft=0b10), Item(required=True))
    solution = solve(items, 1.0, 2)
    assert solution.value == 1
    assert solution.action(2, 0, 0) == 1


@given(st.floats(0.05, 1), st.integers(0, 4), st.integers(0, 3), st.integers(1, 4), st.booleans())
def test_chances_are_those_of_the_weather(
    rate: float,
    unmet: int,
    recent: int,
    more: int,
    failed: bool,  # noqa: FBT001  drawn
) -> None:
    better = probability(rate, unmet, recent, failed_since=False)
    assert probability(rate, unmet + more, recent, failed_since=failed) <= better


# --- real tasks -------------------------------------------------------------------------------


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
        if success(task, done) == "full":
            break
    return done


def simulated(items: tuple[Item, ...], rate: float, calls: int, seed: int) -> bool:
    """The solver's own policy against drawn weather, without Worlds."""
    solution, history = solve(items, rate, calls), History()
    done = outcomes = row = 0
    required = sum(1 << at for at, item in enumerate(items) if item.required)
    for left in range(calls, 0, -1):
        action = solution.action(left, done, outcomes)
        name, item = str(action), items[action] if action >= 0 else Item(required=False)
        needs = [str(i) for i in range(len(items)) if item.soft >> i & 1]
        needs += ["never"] * item.never
        chance = success_probability(rate, needs, history)
        ok = draw(seed, name, history.counts[name]).u <= chance
        history.add(name, ok=ok)
        done |= (1 << action) if ok and action >= 0 else 0
        outcomes, row = outcomes << 1 | (not ok), 0 if ok else row + 1
        if done & required == required:
            return True
        if row == 5:
            return False
    return False


@pytest.mark.parametrize("rate", [0.6, 0.8])
def test_ten_thousand_episodes_reach_the_value_of_a_large_workflow(rate: float) -> None:
    task = max(some_tasks(), key=lambda t: len(planned_workflow(t).items))
    items = planned_workflow(task).items
    value = solve(items, rate, 10).value
    share = sum(simulated(items, rate, 10, seed) for seed in range(10_000)) / 10_000
    assert abs(share - value) < 3.3 * math.sqrt(value * (1 - value) / 10_000) + 1e-9


@pytest.mark.parametrize("rate", [0.6, 0.8])
def test_the_best_agent_reaches_the_ceiling_in_the_environment(rate: float) -> None:
    tasks = some_tasks(2)
    expected = [ceiling(task, rate, 10) for task in tasks]
    guides = [Guide(task, rate, 10) for task in tasks]
    played = [
        success(task, play(task, guide, rate, seed_of(task.task_id, n))) == "full"
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
