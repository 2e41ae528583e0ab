"""Each flaw changes every plan, in the way that its name says, whatever the task and severity."""

import copy
import functools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.conditions import (
    DIFFICULTIES,
    FLAWS,
    SEVERITIES,
    TASK_TYPES,
    Condition,
    Severity,
)
from stormproof.domain.tasks import Step, Task
from stormproof.errors import SuiteError
from stormproof.score import success
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS
from stormproof.suites.workflows.flaws import DRIFTS, LOOK_ALIKES, apply_flaw
from stormproof.suites.workflows.optimum import optimal_plan
from stormproof.suites.workflows.prompts import opening, rendered, shown_plan
from stormproof.suites.workflows.tasks import load_task, task_ids
from stormproof.suites.workflows.tools import CATALOGUE

Plan = tuple[Step, ...]
Pairs = list[tuple[Step, Step]]
READ = Step("file_operations_reader", {"path": "a/b.csv"}, "Read it", "a/b.csv", "the text")
PARSE = Step("data_processing_parser", {}, "Parse it", "the text", "the records")
FILTER = Step("data_processing_filter", {"where": "x > 1"}, "Keep", "the records", "the kept")
WRITE = Step("file_operations_writer", {"path": "c.csv"}, "Write", "the kept", "the file")
PLAN = (READ, PARSE, FILTER, WRITE)


@functools.cache
def a_task(at: int) -> Task:
    """One of a thousand tasks, ten of each type and level and more."""
    task_type = TASK_TYPES[at % 5]
    difficulty = DIFFICULTIES[at // 5 % 5]
    return load_task(task_ids(task_type, difficulty)[at // 25])


def tools(plan: Plan) -> list[str]:
    return [step.tool for step in plan]


def is_subsequence(part: Plan, whole: Plan) -> bool:
    rest = iter(whole)
    return all(step in rest for step in part)


def is_flawed_as_named(flaw: str, plan: Plan, wrong: Plan) -> bool:
    """What each flaw's name says, in terms of the two plans alone."""
    return AS_NAMED[flaw](plan, wrong, list(zip(plan, wrong, strict=False)))


def disordered(plan: Plan, wrong: Plan, _pairs: Pairs) -> bool:
    return plan != wrong and sorted(map(repr, plan)) == sorted(map(repr, wrong))


def misused(plan: Plan, wrong: Plan, pairs: Pairs) -> bool:
    changed = [(a, b) for a, b in pairs if a.tool != b.tool]
    fitting = all(a.purpose == b.purpose and b.tool not in tools(plan) for a, b in changed)
    return len(plan) == len(wrong) and bool(changed) and fitting


def erred(plan: Plan, wrong: Plan, pairs: Pairs) -> bool:
    words = all((a.purpose, a.reads, a.makes) == (b.purpose, b.reads, b.makes) for a, b in pairs)
    differ = any(a.arguments != b.arguments for a, b in pairs)
    return tools(plan) == tools(wrong) and words and differ


def lacking(plan: Plan, wrong: Plan, _pairs: Pairs) -> bool:
    return 0 < len(wrong) < len(plan) and is_subsequence(wrong, plan)


def repeated(plan: Plan, wrong: Plan, _pairs: Pairs) -> bool:
    only_known = set(map(repr, wrong)) == set(map(repr, plan))
    return len(wrong) > len(plan) and is_subsequence(plan, wrong) and only_known


def inconsistent(plan: Plan, wrong: Plan, pairs: Pairs) -> bool:
    """A stated input that is made later, or by the step itself, and no other change of tools."""
    changed = [(at, b) for at, (a, b) in enumerate(pairs) if a.reads != b.reads]
    late = all(b.reads in [step.makes for step in plan[at:]] for at, b in changed)
    return tools(plan) == tools(wrong) and bool(changed) and late


def drifted(plan: Plan, wrong: Plan, pairs: Pairs) -> bool:
    tail = [b for a, b in pairs if a != b]
    start = len(plan) - len(tail)
    foreign = {repr(step) for drift in DRIFTS for step in drift}
    kept = len(wrong) == len(plan) and wrong[:start] == plan[:start]
    return bool(tail) and kept and all(repr(step) in foreign for step in tail)


AS_NAMED: dict[str, Callable[[Plan, Plan, Pairs], bool]] = {
    "sequence_disorder": disordered,
    "tool_misuse": misused,
    "parameter_error": erred,
    "missing_step": lacking,
    "redundant_operations": repeated,
    "logical_inconsistency": inconsistent,
    "semantic_drift": drifted,
}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 999), st.sampled_from([0.6, 0.8, 1.0]))
def test_every_flaw_of_every_severity_shows_in_the_prompt(at: int, rate: float) -> None:
    task = a_task(at)
    optimal = Condition("optimal", task.difficulty, rate)
    plan = shown_plan(task, optimal)
    before = copy.deepcopy(plan)
    best = opening(task, optimal)
    for flaw in FLAWS:
        for severity in SEVERITIES:
            condition = Condition(f"flawed_{flaw}", task.difficulty, rate, severity=severity)
            wrong = shown_plan(task, condition)
            assert is_flawed_as_named(flaw, plan, wrong), (
                flaw,
                severity,
                tools(plan),
                tools(wrong),
            )
            assert opening(task, condition) != best
            assert rendered(wrong) != rendered(plan)
    assert plan == before


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(0, 2**53), st.sampled_from(SEVERITIES))
def test_plans_are_never_mutated_and_seeds_decide(at: int, seed: int, severity: Severity) -> None:
    task = a_task(at)
    plan = optimal_plan(task, 0.8, 10)
    before = copy.deepcopy(plan)
    for flaw in FLAWS:
        once = apply_flaw(flaw, plan, severity, seed, vital=task.required_tools)
        assert once == apply_flaw(flaw, plan, severity, seed, vital=task.required_tools)
        assert is_flawed_as_named(flaw, plan, once)
    assert plan == before


BITES = {
    "sequence_disorder": 0.75,  # some tasks' steps are independent: order is nothing to them
    "tool_misuse": 1.0,
    "parameter_error": 1.0,
    "missing_step": 0.9,  # a step that tells what others find out may be the only one that counts
    "redundant_operations": 0.1,  # repeats waste turns, and break only what may happen once
    "logical_inconsistency": 0.85,  # some steps take no input that could be another's
    "semantic_drift": 1.0,
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_severe_flaw_keeps_who_follows_it_blindly_from_full_success(flaw: str) -> None:
    tasks = [a_task(at) for at in range(0, 1000, 13)]
    bitten = sum(
        followed(t, shown_plan(t, Condition(f"flawed_{flaw}", t.difficulty, 1.0))) != "full"
        for t in tasks
    )
    assert bitten / len(tasks) >= BITES[flaw]


def test_who_follows_the_optimal_plan_succeeds() -> None:
    for at in range(0, 1000, 13):
        task = a_task(at)
        assert (
            followed(task, shown_plan(task, Condition("optimal", task.difficulty, 0.8))) == "full"
        )


def followed(task: Task, plan: Plan) -> str:
    weathered = Weathered(WORKFLOWS, task, Condition("optimal", task.difficulty, 1.0), 0)
    return success([weathered.call(step.tool, step.arguments) for step in plan])


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_worse_flaw_is_further_from_the_plan(flaw: str) -> None:
    def distance(severity: Severity) -> int:
        wrong = apply_flaw(flaw, PLAN, severity, 5)
        if len(wrong) != len(PLAN):
            return abs(len(wrong) - len(PLAN))
        return sum(a != b for a, b in zip(PLAN, wrong, strict=True))

    light, medium, severe = (distance(severity) for severity in SEVERITIES)
    assert 0 < light <= medium <= severe
    assert light < severe


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("flaw", FLAWS)
def test_two_steps_are_enough(flaw: str, severity: Severity) -> None:
    plan = (READ, PARSE)
    for seed in range(20):
        assert is_flawed_as_named(flaw, plan, apply_flaw(flaw, plan, severity, seed))


def test_worked_examples() -> None:
    assert tools(apply_flaw("sequence_disorder", PLAN, "severe", 0)) == tools(PLAN[::-1])
    assert len(apply_flaw("missing_step", PLAN, "severe", 0)) == 1
    assert len(apply_flaw("redundant_operations", PLAN, "severe", 0)) == 8
    assert apply_flaw("semantic_drift", PLAN, "severe", 0)[0] == READ
    wrong = apply_flaw("parameter_error", PLAN, "severe", 0)
    assert [step.arguments for step in wrong] == [
        {"path": "a/b_old.csv"},
        {"input": "data_processing_parser_9"},
        {"where": "x < 1"},
        {"path": "c_old.csv"},
    ]


def test_look_alikes_are_other_tools_of_the_catalogue() -> None:
    assert set(LOOK_ALIKES) <= set(CATALOGUE)
    for tool, alike in LOOK_ALIKES.items():
        assert tool not in alike
        assert set(alike) <= set(CATALOGUE)


def test_drifts_are_calls_that_their_tools_would_take() -> None:
    for drift in DRIFTS:
        assert len({step.tool for step in drift}) == len(drift) >= 8
        for step in drift:
            parameters = CATALOGUE[step.tool].spec.parameters
            assert set(parameters["required"]) <= set(step.arguments)
            assert set(step.arguments) <= set(parameters["properties"])


def test_what_cannot_be_flawed_says_so() -> None:
    with pytest.raises(SuiteError):
        apply_flaw("no_such_flaw", PLAN, "light", 0)
    with pytest.raises(SuiteError):
        apply_flaw("missing_step", PLAN[:1], "light", 0)
