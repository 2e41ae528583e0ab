"""Each flaw changes every plan, in the way that its name says, whatever the task and severity."""

import copy
import functools
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
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
from stormproof.suites.workflows.flaws import LOOK_ALIKES, Surroundings, apply_flaw
from stormproof.suites.workflows.flaws.neighbours import slip_in
from stormproof.suites.workflows.optimum import optimal_plan
from stormproof.suites.workflows.prompts import opening, rendered, shown_plan
from stormproof.suites.workflows.tasks import load_task, task_ids
from stormproof.suites.workflows.tools import CATALOGUE
from stormproof.suites.workflows.values.expressions import compiled

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
    """Other tools, each with words of its own."""
    changed = [(a, b) for a, b in pairs if a.tool != b.tool]
    fitting = all(a.purpose != b.purpose for a, b in changed)
    return len(plan) == len(wrong) and bool(changed) and fitting


def erred(plan: Plan, wrong: Plan, pairs: Pairs) -> bool:
    return tools(plan) == tools(wrong) and any(a.arguments != b.arguments for a, b in pairs)


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


def drifted(plan: Plan, wrong: Plan, _pairs: Pairs) -> bool:
    """The same tools for something else, or a step more; the beginning is as it was."""
    same = tools(wrong)[: len(plan)] == tools(plan) and wrong[0] == plan[0]
    return same and len(wrong) <= len(plan) + 1 and wrong != plan


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
@example(393, 10710, "light")  # a later step makes what is called the same
def test_plans_are_never_mutated_and_seeds_decide(at: int, seed: int, severity: Severity) -> None:
    task = a_task(at)
    plan = optimal_plan(task, 0.8, 10)
    world = Surroundings.of(task)
    before = copy.deepcopy(plan)
    for flaw in FLAWS:
        once, again = (
            apply_flaw(flaw, plan, severity, seed, vital=task.required_tools, world=world)
            for _ in range(2)
        )
        assert once == again
        assert is_flawed_as_named(flaw, plan, once)
    assert plan == before


BITES = {
    "sequence_disorder": 0.9,  # some tasks' steps are independent: order is nothing to them
    "tool_misuse": 1.0,
    "parameter_error": 0.95,  # an argument may be wrong that nothing hangs on
    "missing_step": 0.9,  # a step that tells what others find out may be the only one that counts
    "redundant_operations": 0.6,  # repeats waste turns, and break only what may happen once
    "logical_inconsistency": 0.95,  # some steps take no input that could be another's
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
            return abs(len(wrong) - len(PLAN)) + sum(step not in PLAN for step in wrong)
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
    wrong = apply_flaw("parameter_error", PLAN, "severe", 0)
    assert [step.arguments for step in wrong] == [
        {"path": "a/b_old.csv"},
        {"input": "data_processing_parser_9"},
        {"where": "x > 2"},
        {"path": "c_old.csv"},
    ]
    assert [step.reads for step in wrong[:2]] == ["a/b_old.csv", "data_processing_parser_9"]


def test_a_light_drift_is_one_mark_of_the_goal_and_a_severe_one_all_and_more() -> None:
    def drift(severity: Severity) -> list[dict[str, object]]:
        return [step.arguments for step in apply_flaw("semantic_drift", PLAN, severity, 0)]

    assert drift("light") == [READ.arguments, {}, FILTER.arguments, {"path": "c_old.csv"}]
    assert drift("severe")[:4] == [READ.arguments, {}, {"where": "x > 2"}, {"path": "c_old.csv"}]
    assert len(drift("severe")) == 5


def test_a_drift_names_no_column_twice() -> None:
    select = {"operations": [{"op": "select", "fields": ["order_id", "store", "amount_eur"]}]}
    step = Step("data_processing_transformer", select, "Keep some columns")
    (_, wrong, *_) = apply_flaw("semantic_drift", (READ, step), "severe", 0)
    assert wrong.arguments["operations"][0]["fields"] == ["order_id", "status", "amount_eur"]


MONTH = Step("file_operations_reader", {"path": "in/x_2024-01.csv"}, "Read it", "in/x_2024-01.csv")
STATE = Step(
    "data_processing_filter",
    {"where": "status == 'returned'"},
    "Keep only those whose `status` is `returned`",
)
FOLDER = Step("file_operations_scanner", {"pattern": "in/*"}, "List in/*")
NOTED = Step("utility_tracker", {"status": "settled"}, "Note it as settled")
CITY = Step("data_processing_filter", {"where": "company.city == 'Oslo'"}, "company.city == 'Oslo'")
CITIES = Surroundings((), ("Oslo, Porto and Graz",))
RECORD = Step("file_operations_scanner", {"contains": "trip T048491"}, "Find trip T048491")
DESK = Step(
    "utility_notifier", {"recipient": "office@house.example"}, makes="to office@house.example"
)
MAIL = Step(
    "utility_notifier", {"recipient": "a.b@house.example"}, makes="word to a.b@house.example"
)
ABOUT = "The orders of a.b@house.example, with a copy for c.d@house.example."


def test_a_slip_is_a_neighbour_in_the_tasks_own_world_in_the_words_as_in_the_call() -> None:
    nothing = Surroundings()
    beside = Surroundings(("in/x_2024-01_draft.csv",), (ABOUT, "1,shipped\n2,cancelled"))
    cases = (
        (MONTH, nothing, "in/x_2023-12.csv"),
        (MONTH, beside, "in/x_2024-01_draft.csv"),
        (STATE, beside, "cancelled"),
        (MAIL, nothing, "office@house.example"),
        (DESK, nothing, "info@house.example"),
        (MAIL, beside, "c.d@house.example"),
        (FOLDER, nothing, "in/old/*"),
        (NOTED, nothing, "done"),
        (CITY, CITIES, "company.city == 'Porto'"),
        (RECORD, nothing, "trip T053340"),
    )
    for step, world, expected in cases:
        (wrong, _) = apply_flaw("parameter_error", (step, step), "severe", 0, world=world)
        assert expected in str(wrong.arguments)
        assert expected in f"{wrong.purpose} {wrong.reads} {wrong.makes}"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.sampled_from(SEVERITIES))
def test_no_sentence_of_a_step_still_holds_what_its_call_got_wrong(
    at: int, severity: Severity
) -> None:
    """Names alone: a number or a word can stand there for something else."""
    task = a_task(at)
    condition = Condition("flawed_parameter_error", task.difficulty, 0.8, severity=severity)
    right = shown_plan(task, Condition("optimal", task.difficulty, 0.8))
    for a, b in zip(right, shown_plan(task, condition), strict=True):
        words = f"{b.purpose} {b.reads} {b.makes} ".replace("`", " ").replace(",", " ")
        for name in (v for v in a.arguments.values() if isinstance(v, str) and "/" in v):
            assert name in b.arguments.values() or f" {name} " not in f" {words} "


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.sampled_from(FLAWS), st.sampled_from(SEVERITIES))
@example(560, "parameter_error", "medium")  # a neighbour is called Children's
def test_a_wrong_step_is_still_one_that_somebody_could_write(
    at: int, flaw: str, severity: Severity
) -> None:
    """Conditions can be read, no list names a thing twice, and hosts stay the house's own."""
    task = a_task(at)
    condition = Condition(f"flawed_{flaw}", task.difficulty, 0.8, severity=severity)
    for step in shown_plan(task, condition):
        if "where" in step.arguments:
            compiled(step.arguments["where"])
        fields = [o["fields"] for o in step.arguments.get("operations", ()) if "fields" in o]
        for names in (*fields, list(step.arguments.get("mapping", {}).values())):
            assert len(set(names)) == len(names), (task.task_id, step)
        house = step.arguments.get("system", "").removeprefix("old.")
        assert house in task.description or house in "".join(task.resources)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("in/*", "in/old/*"),
        ("*", "old/*"),
        ("here.example", "old.here.example"),
        ("desk.here.example", "old.here.example"),
        ("outage OUT42132", "outage OUT46345"),
        ("status == 'cleared' and site == 'Harbour'", "status == 'open' and site == 'Harbour'"),
        ("sum_amount_eur < target", "amount_eur < target"),
        ("company.city", "address.city"),
    ],
)
def test_what_has_no_neighbour_is_misremembered(right: str, wrong: str) -> None:
    slip = slip_in(right, {}, Surroundings())
    assert slip
    assert slip.on(right) == wrong


def test_look_alikes_are_other_tools_of_the_catalogue() -> None:
    assert set(LOOK_ALIKES) <= set(CATALOGUE)
    for tool, alike in LOOK_ALIKES.items():
        assert tool not in alike
        assert set(alike) <= set(CATALOGUE)


def test_what_cannot_be_flawed_says_so() -> None:
    with pytest.raises(SuiteError):
        apply_flaw("no_such_flaw", PLAN, "light", 0)
    with pytest.raises(SuiteError):
        apply_flaw("missing_step", PLAN[:1], "light", 0)
