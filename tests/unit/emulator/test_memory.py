from __future__ import annotations

import pytest

from stormproof.domain.calls import Message
from stormproof.domain.conditions import PROMPT_TYPES, Condition
from stormproof.domain.tasks import Step
from stormproof.emulator.memory import Outcome, opening_of, outcomes, plan_in, position
from stormproof.suites.workflows.prompts import opening, shown_plan
from stormproof.suites.workflows.tasks import load_task

PLAN = (Step("network_fetcher"), Step("data_processing_parser"), Step("network_poster"))


@pytest.mark.parametrize("prompt_type", PROMPT_TYPES)
def test_the_plan_that_a_prompt_shows_is_read_as_it_was_meant(prompt_type: str) -> None:
    for number in range(10):
        task = load_task(f"multi_stage_pipeline.easy.{number:05d}")
        condition = Condition(prompt_type, "easy", 0.8)
        read = plan_in(opening_of(opening(task, condition)))
        meant = shown_plan(task, condition)
        assert [(s.tool, s.arguments) for s in read] == [(s.tool, s.arguments) for s in meant]


def test_no_plan_is_read_where_none_is() -> None:
    assert plan_in("1. First think.\n2. Then act {not json}.") == ()
    assert plan_in("1. network_fetcher {broken") == (Step("network_fetcher"),)


def test_outcomes_are_those_that_were_told() -> None:
    told = [
        Message("user", "network_fetcher succeeded. Its result is stored as a.\n{}"),
        Message("assistant", "network_poster failed. I think."),
        Message("tool", "data_processing_parser failed. TIMEOUT: No answer.\n\nx succeeded."),
    ]
    assert outcomes(told) == [
        Outcome("network_fetcher", ok=True),
        Outcome("data_processing_parser", ok=False),
        Outcome("x", ok=True),
    ]


@pytest.mark.parametrize(
    ("results", "tries", "at"),
    [
        ("", 3, 0),
        ("f+", 3, 1),
        ("f+ p+ o+", 3, 3),
        ("f- f- f+", 3, 1),
        ("f- f- f-", 3, 1),
        ("f- f+ p-", 2, 1),
        ("p+ o+", 3, 0),
        ("f+ p+ o+ f+", 3, 3),
    ],
)
def test_where_one_stands_in_a_plan(results: str, tries: int, at: int) -> None:
    tools = {"f": PLAN[0].tool, "p": PLAN[1].tool, "o": PLAN[2].tool}
    told = [Outcome(tools[r[0]], ok=r[1] == "+") for r in results.split()]
    assert position(PLAN, told, tries) == at
