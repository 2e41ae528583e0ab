"""What is followed, noticed and recovered from: each flaw under agents that obey, mend, or stop."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.score.test_scoring import TASK, turns

from stormproof.domain.conditions import FLAWS, SEVERITIES
from stormproof.domain.tasks import Execution, Step
from stormproof.score import FlawedPlan, score
from stormproof.score.flaw_measures import Dealings, Flaw, dealings, flaws_of
from stormproof.suites.workflows.flaws import apply_flaw

READ = Step("reader", {"path": "a.csv"})
PARSE = Step("parser", {"format": "csv"})
KEEP = Step("filter", {"where": "x > 1"})
WRITE = Step("writer", {"path": "b.csv"})
PLAN = (READ, PARSE, KEEP, WRITE)
OTHER = Step("filter", {"where": "x > 2"})
SCAN = Step("scanner", {})
LOST = Step("parser", {"format": "csv", "input": "writer_1"})


def done(*steps: Step, failed: tuple[int, ...] = ()) -> list[Execution]:
    """The steps as tool calls; those at some places fail."""
    return [Execution(s.tool, s.arguments, ok=at not in failed) for at, s in enumerate(steps)]


def said(arguments: dict[str, Any], tool: str = "filter") -> Step:
    return Step(tool, arguments)


@pytest.mark.parametrize(
    ("shown", "flaws"),
    [
        (PLAN, ()),
        ((READ, PARSE, OTHER, WRITE), (Flaw(2, 2),)),
        ((SCAN, PARSE, KEEP, WRITE), (Flaw(0, 0),)),
        ((READ, KEEP, PARSE, WRITE), (Flaw(1, 2),)),
        ((READ, PARSE, WRITE), (Flaw(None, 2),)),
        ((READ, PARSE, PARSE, KEEP, WRITE), (Flaw(1, None),)),
        ((*PLAN, SCAN), (Flaw(4, None),)),
        ((SCAN, *PLAN[1:-1]), (Flaw(0, 0), Flaw(None, 3))),
    ],
)
def test_flaws_are_found_step_by_step(shown: tuple[Step, ...], flaws: tuple[Flaw, ...]) -> None:
    assert flaws_of(FlawedPlan(shown, PLAN)) == flaws


OBEYED = Dealings(1.0, noticed=False)
LATE = Dealings(1.0, noticed=True)
MENDED = Dealings(0.0, noticed=True)
NEITHER = Dealings(0.0, noticed=False)


@pytest.mark.parametrize(
    ("shown", "calls", "expected"),
    [
        # a wrong value
        ((READ, PARSE, OTHER, WRITE), done(READ, PARSE, OTHER, WRITE), OBEYED),
        ((READ, PARSE, OTHER, WRITE), done(*PLAN), MENDED),
        ((READ, PARSE, OTHER, WRITE), done(READ, PARSE), NEITHER),
        ((READ, PARSE, OTHER, WRITE), done(READ, PARSE, said({"where": "y"})), NEITHER),
        ((READ, PARSE, OTHER, WRITE), done(READ, PARSE, OTHER, KEEP), LATE),
        # the wrong data: who names what the right step leaves to be the latest has noticed
        ((READ, LOST, KEEP, WRITE), done(READ, LOST, KEEP, failed=(1,)), OBEYED),
        ((READ, LOST, KEEP, WRITE), done(READ, said({"input": "reader_2"}, "parser")), MENDED),
        (
            (READ, LOST, KEEP, WRITE),
            done(READ, said({"input": "x"}, "parser"), failed=(1,)),
            NEITHER,
        ),
        # a wrong tool
        ((SCAN, PARSE, KEEP, WRITE), done(SCAN, PARSE), OBEYED),
        ((SCAN, PARSE, KEEP, WRITE), done(READ, PARSE), MENDED),
        ((SCAN, PARSE, KEEP, WRITE), done(PARSE), NEITHER),
        # two that have changed places
        ((READ, KEEP, PARSE, WRITE), done(READ, KEEP, PARSE), OBEYED),
        ((READ, KEEP, PARSE, WRITE), done(*PLAN), MENDED),
        # one left out
        ((READ, PARSE, WRITE), done(READ, PARSE, WRITE), OBEYED),
        ((READ, PARSE, WRITE), done(READ, PARSE, OTHER, WRITE), MENDED),
        ((READ, PARSE, WRITE), done(), NEITHER),
        # one too many
        ((READ, PARSE, PARSE, KEEP, WRITE), done(READ, PARSE, PARSE, KEEP), OBEYED),
        ((READ, PARSE, PARSE, KEEP, WRITE), done(READ, PARSE, KEEP), MENDED),
        ((*PLAN, SCAN), done(*PLAN), MENDED),
        ((READ, PARSE, PARSE, KEEP, WRITE), done(READ), NEITHER),
        ((*PLAN, SCAN), done(READ), NEITHER),
    ],
)
def test_obeying_mending_and_stopping(
    shown: tuple[Step, ...], calls: list[Execution], expected: Dealings
) -> None:
    assert dealings(FlawedPlan(shown, PLAN), calls) == expected


def test_a_retry_is_no_repeat_and_more_may_be_said_than_was_shown() -> None:
    plan = FlawedPlan((READ, PARSE, PARSE), (READ, PARSE))
    retried = done(READ, PARSE, PARSE, failed=(1,))
    assert dealings(plan, retried) == MENDED
    named = said({"format": "csv", "input": "reader_1"}, "parser")
    looked_first = done(READ, PARSE, SCAN, named, failed=(1,))
    assert dealings(plan, looked_first) == MENDED
    fuller = [Execution("parser", {"format": "csv", "input": "reader_1"}, ok=True)] * 2
    assert dealings(plan, [*done(READ), *fuller]) == OBEYED


def test_steps_put_together_are_nearer_where_one_of_them_is() -> None:
    plan = FlawedPlan((READ, OTHER, WRITE), (READ, KEEP, WRITE))
    both = {"where": "y == 'z' and x > 1"}
    assert dealings(plan, done(READ, said(both), WRITE)) == MENDED
    sort = {"op": "sort", "field": "x"}
    wrong, right = said({"operations": [{**sort, "field": "y"}]}), said({"operations": [sort]})
    plan = FlawedPlan((READ, wrong), (READ, right))
    assert dealings(plan, done(READ, said({"operations": [{"op": "trim"}, sort]}))) == MENDED
    assert dealings(plan, done(READ, said({"operations": [{"op": "trim"}]}))) == NEITHER


def test_a_message_that_has_to_be_found_out_may_be_any() -> None:
    asked = Step("notifier", {"recipient": "a", "message": "7"}, after=(0,))
    wrong = Step("notifier", {"recipient": "b", "message": "7"}, after=(0,))
    plan = FlawedPlan((READ, wrong), (READ, asked))
    assert (
        dealings(plan, done(READ, said({"recipient": "b", "message": "8"}, "notifier"))) == OBEYED
    )
    assert (
        dealings(plan, done(READ, said({"recipient": "a", "message": "8"}, "notifier"))) == MENDED
    )


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("flaw", FLAWS)
def test_who_obeys_follows_all_and_who_knows_better_notices(flaw: str, severity: Any) -> None:
    plan = (
        Step("file_operations_reader", {"path": "a/b_2024-01.csv"}),
        Step("data_processing_parser", {"format": "csv"}, makes="records"),
        Step("data_processing_filter", {"where": "x > 1"}, reads="records"),
        Step("file_operations_writer", {"path": "c.csv"}),
    )
    shown = apply_flaw(flaw, plan, severity, 3)
    flawed = FlawedPlan(shown, plan)
    blind, wise = dealings(flawed, done(*shown)), dealings(flawed, done(*plan))
    assert blind == OBEYED
    assert wise is not None
    assert wise.noticed
    assert wise.followed == 0.0


def test_recovered_is_full_success_in_spite_of_what_was_followed() -> None:
    plan = FlawedPlan((Step("read"), Step("scan"), Step("write")), TASK.solution)
    went = [Execution(t, {}, ok=True) for t in ("read", "scan", "parse")]
    end = Execution("write", {}, ok=True, goal_met=True, progress=1.0)
    cases = (
        ([*went, end], (True, True, 1.0)),
        ([went[0], went[1], end], (False, True, 1.0)),
        (went[:2], (False, False, 1.0)),
        ([went[0], went[2], end], (True, None, 0.0)),
    )
    for executions, expected in cases:
        found = score(TASK, turns(*executions), "done", plan)
        assert (found.flaw_noticed, found.flaw_recovered, found.flaw_followed) == expected
    assert score(TASK, turns(*went), "done").flaw_followed is None
