import itertools

import pytest

from stormproof.suites.weather import History, draw, success_probability
from stormproof.suites.workflows.optimum.decision_process import value
from stormproof.suites.workflows.optimum.items import Item, Workflow
from stormproof.suites.workflows.optimum.persistence import best_tools, chances, turns_for
from stormproof.suites.workflows.tools import CATALOGUE

READ, WRITE = "file_operations_reader", "file_operations_writer"
PARSE, CHANGE, CHECK = "data_processing_parser", "data_processing_transformer", "network_validator"


def worked_through(plan: tuple[str, ...], rate: float, turns: int, seed: int) -> bool:
    """An agent that repeats each step until it succeeds, against drawn weather."""
    history, at = History(), 0
    for _ in range(turns):
        needs = CATALOGUE[plan[at]].spec.needs
        drawn = draw(seed, plan[at], history.counts[plan[at]])
        ok = drawn.u <= success_probability(rate, needs, history)
        history.add(plan[at], ok=ok)
        at += ok
        if at == len(plan):
            return True
    return False


def test_steps_without_needs_are_as_good_for_the_best_agent_as_for_this_one() -> None:
    plain = Workflow((Item(),) * 4, tuple(1 << at for at in range(4)))
    found = list(itertools.islice(chances((READ,) * 4, 0.7), 12))
    assert found == pytest.approx([value(plain, 0.7, calls) for calls in range(1, 13)])


def test_the_chance_is_that_of_many_episodes() -> None:
    plan = (READ, PARSE, CHANGE, CHECK, WRITE)
    turns, episodes = 9, 4_000
    chance = next(itertools.islice(chances(plan, 0.6), turns - 1, None))
    won = sum(worked_through(plan, 0.6, turns, seed) for seed in range(episodes))
    assert won / episodes == pytest.approx(chance, abs=3.3 * (0.25 / episodes) ** 0.5)


def test_useful_calls_are_added_where_they_pay_before_what_needs_them() -> None:
    useful = (PARSE, CHANGE, CHECK)
    assert best_tools((READ, WRITE), useful, 1.0, 10) == (READ, WRITE)
    assert best_tools((READ, WRITE), useful, 0.8, 2) == (READ, WRITE)
    assert best_tools((READ, WRITE), useful, 0.6, 15) == (READ, PARSE, CHANGE, CHECK, WRITE)


def test_turns_are_the_fewest_that_give_the_chance() -> None:
    turns = turns_for((READ,) * 3, (), 0.8, chance=0.95, most=50)
    reached = list(itertools.islice(chances((READ,) * 3, 0.8), turns))
    assert reached[-1] >= 0.95 > reached[-2]
    assert turns_for((READ,) * 3, (), 0.05, chance=0.95, most=20) == 20
