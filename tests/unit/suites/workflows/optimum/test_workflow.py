"""What full success needs of anybody, by tasks small enough to see it."""

import pytest
from msgspec.structs import replace

from stormproof.domain.tasks import Check, Resource, Step, Task, Trouble
from stormproof.suites.workflows.optimum.trial_run import trial_run
from stormproof.suites.workflows.optimum.workflow import (
    free_workflow,
    parts_of,
    required_parts,
)

READ, FETCH, PARSE = "file_operations_reader", "network_fetcher", "data_processing_parser"
KEEP, WRITE = "data_processing_filter", "file_operations_writer"
INLET = "https://here.example/orders"
ORDERS = [{"id": 1, "state": "open"}, {"id": 2, "state": "paid"}]
TASK = Task(
    task_id="simple_task.easy.99997",
    task_type="simple_task",
    difficulty="easy",
    description="Write the orders that are open.",
    required_tools=(READ, PARSE, KEEP, WRITE),
    solution=(
        Step(READ, {"path": "orders.csv"}),
        Step(PARSE),
        Step(KEEP, {"where": "state == 'open'"}),
        Step(WRITE, {"path": "open.json"}),
    ),
    checks=(Check("file", "open.json", ORDERS[:1]),),
    files={"orders.csv": "id,state\n1,open\n2,paid\n", "rule.txt": "open"},
    resources={
        INLET: Resource(200, "{}", credential="house"),
        "https://here.example/rule": Resource(200, "paid", credential="house"),
    },
    credentials={"house": "secret", "other": "secret"},
)


def needed(task: Task) -> list[tuple[str, list[str]]]:
    """Required parts as (tool, tools of what must come before it)."""
    tool = {part.place: part.tool for part in reversed(required_parts(task))}
    return [
        (part.tool, ["|".join(tool[at] for at in group) for group in part.after])
        for part in required_parts(task)
    ]


def test_sources_and_effects_are_required_and_what_lies_between_is_not() -> None:
    assert needed(TASK) == [(READ, []), (WRITE, [READ])]
    useful = [part.tool for part in parts_of(TASK) if part.place is None]
    assert useful == [PARSE, "data_processing_transformer", "network_validator"]


def test_who_says_what_a_step_must_know_comes_before_what_hangs_on_the_step() -> None:
    """The rule is read from a page, so nobody can keep the right orders before."""
    read, parse, keep, write = TASK.solution
    rule = Step(READ, {"path": "rule.txt"})
    told = replace(TASK, solution=(rule, read, parse, replace(keep, after=(0,)), write))
    assert needed(told) == [(READ, []), (READ, []), (WRITE, [READ, READ])]
    assert [part.place for part in required_parts(told)] == [0, 1, 4]


def test_a_sign_in_comes_before_what_it_opens() -> None:
    sign_in = Step("integration_authenticator", {"service": "house"})
    post = Step("network_poster", {"url": INLET, "input": "x"})
    task = replace(TASK, solution=(sign_in, post), checks=(Check("post", INLET, "x"),))
    assert needed(task) == [
        ("integration_authenticator", []),
        ("network_poster", ["integration_authenticator"]),
    ]


def test_what_was_to_be_looked_at_any_tool_may_look_at() -> None:
    check = Step("data_processing_validator", {"required": ["id"]})
    seen = Check("checked", "orders", {"records": ORDERS, "filled": ["id"]})
    task = replace(TASK, solution=(*TASK.solution[:2], check), checks=(seen,))
    tools = {part.tool for part in required_parts(task) if part.place == 2}
    assert tools == {KEEP, "data_processing_validator", "network_validator", "computation_analyzer"}
    assert all(part.after == ((0,),) for part in required_parts(task) if part.place == 2)
    unique = replace(seen, expected={"records": ORDERS, "unique": ["id"]})
    step = replace(check, arguments={"unique": ["id"]})
    task = replace(TASK, solution=(*TASK.solution[:2], step), checks=(unique,))
    tools = {part.tool for part in required_parts(task) if part.place == 2}
    assert tools == {"data_processing_validator", "computation_analyzer"}


def test_a_look_that_others_have_by_the_way_is_not_required() -> None:
    """The check covers what the second one looks at as well."""
    check = Step("data_processing_validator", {"required": ["id"]})
    both = Step("data_processing_validator", {"required": ["id", "state"]})
    checks = tuple(
        Check("checked", "orders", {"records": ORDERS, "filled": names})
        for names in (["id"], ["state"])
    )
    task = replace(TASK, solution=(*TASK.solution[:2], check, both), checks=checks)
    assert {part.place for part in required_parts(task)} == {0, 3}


def test_messages_of_one_queue_keep_their_order() -> None:
    push = [Step("integration_queue", {"name": "q", "input": text}) for text in ("one", "two")]
    task = replace(TASK, solution=tuple(push), checks=(Check("queue", "q", ["one", "two"]),))
    assert needed(task) == [("integration_queue", []), ("integration_queue", ["integration_queue"])]


def test_a_solution_is_traced_through_defaults_and_names() -> None:
    ran = trial_run(TASK)
    assert [each.feeders for each in ran] == [(), (0,), (1,), (2,)]
    assert [each.input for each in ran] == ["", f"{READ}_1", f"{PARSE}_1", f"{KEEP}_1"]
    assert [each.tells for each in ran] == [True, False, False, False]
    assert ran[-1].given.arguments == {"path": "open.json", "input": ORDERS[:1]}


def test_a_tool_that_is_down_can_meet_no_need() -> None:
    workflow = free_workflow(TASK, "outage", Trouble(PARSE))
    parse = [part.tool for part in parts_of(TASK)].index(PARSE)
    assert not any(mask >> parse & 1 for item in workflow.items for mask in item.needs)
    assert 0 in workflow.items[parse].hard


@pytest.mark.parametrize("until", ["utility_logger", READ])
def test_a_tool_that_waits_is_called_once_to_be_told(until: str) -> None:
    workflow = free_workflow(TASK, "sticky", Trouble(WRITE, until, "Wait."))
    told = len(parts_of(TASK))
    assert workflow.items[told].blocked
    released = [at for at, item in enumerate(workflow.items) if 1 << told in item.hard]
    assert len(released) == (2 if until == READ else 1)
    assert sum(1 << at for at in released) in workflow.items[1].hard
