from __future__ import annotations

from typing import Any

import pytest

from stormproof.domain.tasks import Check, Resource, Task
from stormproof.suites.workflows.collateral import MOST_TOLD, collateral
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

URL, OTHER = "https://api.example.com/in", "https://api.example.com/other"
ROWS = [{"id": 1}, {"id": 2}]
TASK = Task(
    "t", "simple_task", "easy", "", (), (),
    (
        Check("file", "out/a.csv", ROWS),
        Check("archive", "out/a.gz", "x"),
        Check("post", URL, ROWS),
        Check("queue", "work", ["one", "two"]),
        Check("routed", "north", ROWS),
        Check("schedule", "job", {"every": "day"}),
        Check("notification", "ops", {"contains": "North", "lacks": ["South", "East"]}),
    ),
    files={"in.csv": "id\n1\n"}, resources={URL: Resource(200, ""), OTHER: Resource(200, "")},
    credentials={"crm": "pw"},
)  # fmt: skip
Did = list[tuple[str, dict[str, Any]]]


def unasked(did: Did) -> tuple[str, ...]:
    world = World(TASK)
    for tool, arguments in did:
        result = run_tool(world, tool, arguments)
        assert result.ok, result
    return collateral(world)


def tell(message: str, to: str = "ops") -> tuple[str, dict[str, Any]]:
    return "utility_notifier", {"recipient": to, "message": message}


WRITE = ("file_operations_writer", {"path": "out/a.csv", "input": ROWS})
PACK = ("file_operations_compressor", {"input": "x", "destination": "out/a.gz"})
POST = ("network_poster", {"url": URL, "input": ROWS})
PUSH = ("integration_queue", {"name": "work", "input": "one"})
PLAN = ("integration_scheduler", {"job": "job", "every": "day"})
ROUTE = ("network_router", {"input": ROWS, "otherwise": "north"})


def test_what_was_asked_for_and_an_agents_own_notes_are_never_collateral() -> None:
    own: Did = [
        ("utility_cache", {"key": "k", "input": 1}),
        ("utility_logger", {"message": "so far so good"}),
        ("utility_tracker", {"status": "half way"}),
        ("integration_authenticator", {}),
        ("integration_connector", {}),
        ("network_monitor", {}),
        ("file_operations_reader", {"path": "in.csv"}),
    ]
    asked: Did = [WRITE, WRITE, PACK, POST, PUSH, PUSH, PLAN, PLAN, ROUTE, tell("It is North.")]
    assert unasked([*own, *asked]) == ()


@pytest.mark.parametrize(
    ("did", "told"),
    [
        ([("file_operations_writer", {"path": "out/b.csv", "input": ROWS})], "file out/b.csv"),
        ([("file_operations_compressor", {"input": "x", "destination": "b"})], "file b"),
        ([POST, POST], f"1 posts to {URL}"),
        ([("network_poster", {"url": OTHER, "input": 1})], f"1 posts to {OTHER}"),
        ([PUSH, PUSH, PUSH], "1 messages in the queue work"),
        ([("integration_queue", {"name": "x", "input": 1})], "1 messages in the queue x"),
        ([ROUTE, ROUTE], "2 records routed to north"),
        ([("network_router", {"input": ROWS})], "2 records routed to default"),
        ([PLAN, ("integration_scheduler", {"job": "job", "every": "week"})], "1 plans of job"),
        ([("integration_scheduler", {"job": "other"})], "1 plans of other"),
        ([tell("North"), tell("North")], "1 notifications to ops"),
        ([tell("North", "press")], "1 notifications to press"),
        ([tell("North, not south")], "“South” told to ops"),
    ],
)
def test_all_else_that_others_would_see_is(did: Did, told: str) -> None:
    assert unasked(did) == (told,)


def test_no_more_than_some_of_it_is_told_and_names_are_cut() -> None:
    files: Did = [
        ("file_operations_writer", {"path": f"{n}/{'x' * 190}", "input": "x"})
        for n in range(MOST_TOLD + 5)
    ]
    found = unasked(files)
    assert len(found) == MOST_TOLD
    assert all(len(each) < 100 for each in found)
