import functools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.conditions import TASK_TYPES
from stormproof.suites.weather import History, draw, probability, success_probability
from stormproof.suites.workflows.optimum.decision_process import FILLER, NOTHING_HELPS, Item, solve
from stormproof.suites.workflows.optimum.workflow import planned_workflow
from stormproof.suites.workflows.tasks import load_task, task_ids


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
    tasks = [load_task(task_id) for t in TASK_TYPES for task_id in task_ids(t, "very_hard", 3)]
    items = max((planned_workflow(task).items for task in tasks), key=len)
    value = solve(items, rate, 10).value
    share = sum(simulated(items, rate, 10, seed) for seed in range(10_000)) / 10_000
    assert abs(share - value) < 3.3 * math.sqrt(value * (1 - value) / 10_000) + 1e-9
