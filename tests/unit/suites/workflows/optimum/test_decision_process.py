import math
import sys
from pathlib import Path
from random import Random

import pytest

from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.suites.workflows.optimum import decision_process
from stormproof.suites.workflows.optimum.decision_process import (
    NOTHING_HELPS,
    Policy,
    Position,
    is_exact,
    value,
)
from stormproof.suites.workflows.optimum.histories import LAST_CHANCE
from stormproof.suites.workflows.optimum.items import Item, Workflow
from stormproof.suites.workflows.optimum.state_space import FILLER

sys.path.insert(0, str(Path(__file__).parents[5] / "benchmarks"))
from brute_force import best_chance, calls_for, random_workflow, times_won


def one(*, needs: tuple[int, ...] = (), calls: int = 1, rate: float = 0.6) -> float:
    return value(Workflow((Item(needs=needs),), (1,)), rate, calls)


@pytest.mark.parametrize("seed", range(25))
def test_the_value_is_what_a_search_over_all_histories_finds(seed: int) -> None:
    rng = Random(seed)
    workflow, tools = random_workflow(rng)
    rate, calls = rng.choice((0.1, 0.4, 0.6, 0.8, 0.95, 1.0)), min(5, calls_for(workflow, rng))
    expected = best_chance(workflow, tools, rate, calls)
    assert value(workflow, rate, calls) == pytest.approx(expected, abs=1e-12)
    policy = Policy(workflow, rate, calls)
    assert policy.value == pytest.approx(expected, abs=1e-12)


def test_one_item_by_hand() -> None:
    """Attempts at 0.6, 0.6, 0.6, then with three failures behind at 0.6 × 0.9³."""
    worn = 0.6 * 0.9**3
    assert one(calls=3) == pytest.approx(1 - 0.4**3)
    assert one(calls=5) == pytest.approx(1 - 0.4**3 * (1 - worn) ** 2)


def test_so_many_failures_in_a_row_end_it_all() -> None:
    """At a rate of 0.05 no call is better than another, so nothing can break the row."""
    ended = 1 - 0.95**FAILURES_IN_A_ROW
    assert one(rate=0.05, calls=FAILURES_IN_A_ROW) == pytest.approx(ended)
    assert one(rate=0.05, calls=FAILURES_IN_A_ROW + 1) == pytest.approx(ended)


def test_a_call_that_nothing_depends_on_can_break_a_row_of_failures() -> None:
    policy = Policy(Workflow((Item(needs=(0, 0, 0)),), (1,)), 0.9, FAILURES_IN_A_ROW + 3)
    assert policy.action(Position()) == 0
    assert policy.action(Position(0, LAST_CHANCE, FAILURES_IN_A_ROW - 1)) == FILLER


def test_a_useful_item_is_called_where_it_pays() -> None:
    workflow = Workflow((Item(needs=(0b10,)), Item()), (1,))
    assert Policy(workflow, 0.8, 10).action(Position()) == 1
    assert Policy(workflow, 0.8, 1).action(Position()) == 0


def test_nothing_helps_when_the_budget_is_too_small() -> None:
    workflow = Workflow((Item(), Item(hard=(1,))), (1, 2))
    assert value(workflow, 0.9, 1) == 0
    assert Policy(workflow, 0.9, 1).action(Position()) == NOTHING_HELPS


def test_a_tool_that_waits_costs_a_refusal_and_the_call_that_it_waits_for() -> None:
    """Refused at once, then freed at 0.6, then done at 0.6: no call is left over."""
    items = (Item(hard=(4,)), Item(blocked=True), Item(hard=(2,)))
    assert value(Workflow(items, (1,)), 0.6, 3) == pytest.approx(0.6**2)
    assert value(Workflow(items, (1,)), 0.6, 2) == 0


def test_a_failure_that_looks_like_a_success_wears_nothing_down() -> None:
    quiet = Workflow((Item(quiet=True),), (1,), quiet=True)
    assert value(quiet, 0.6, 5) == pytest.approx(1 - 0.4**5)


def test_work_done_unseen_counts_and_meets_no_need() -> None:
    """The first item is needed by the second; done unseen it counts by a twin of its own."""
    items = (Item(unseen=0.5, alone=2), Item(needs=(1,)), Item(hard=(0,)))
    workflow = Workflow(items, (0b101, 0b10))
    seen, unseen = 0.8, 0.2 * 0.5
    assert value(workflow, 0.8, 2) == pytest.approx(max(seen * 0.8 + unseen * 0.4, 0.4 * 0.9))


def test_states_beyond_number_are_solved_with_needs_met_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needy = [Item(needs=(1 << 4 + at,)) for at in range(4)]
    workflow = Workflow((*needy, *(Item() for _ in range(4))), (1, 2, 4, 8))
    exact = Policy(workflow, 0.8, 10).value
    monkeypatch.setattr(decision_process, "MOST_STATES", 30)
    assert not is_exact(workflow)
    plain = Workflow((Item(),) * 4, workflow.goal)
    assert exact < value(workflow, 0.8, 10) < value(plain, 0.8, 10)


@pytest.mark.parametrize("seed", range(9))
def test_its_own_policy_reaches_the_value_against_drawn_weather(seed: int) -> None:
    workflow, tools = random_workflow(Random(seed))
    policy = Policy(workflow, 0.6, 8)
    won = times_won(policy, workflow, tools, 0.6, episodes=4_000, seed=seed)
    spread = math.sqrt(policy.value * (1 - policy.value) * 4_000)
    assert abs(won - policy.value * 4_000) <= 3.3 * spread + 1e-6
