from __future__ import annotations

import base64
import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from stormproof.domain.tasks import Check, Resource, Standing, Task
from stormproof.errors import SuiteError
from stormproof.suites.workflows.goals import KINDS, goal_met, standing
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import World

URL = "https://api.example.com/orders"
ROWS = [{"id": 1, "amount": 10.5}, {"id": 2, "amount": 20}]
TASK = Task(
    "t", "simple_task", "easy", "", (), (), (), resources={URL: Resource(200, "")},
    credentials={"crm": "pw"},
)  # fmt: skip
Did = list[tuple[str, dict[str, Any]]]


def after(did: Did) -> World:
    world = World(TASK)
    for name, arguments in did:
        result = run_tool(world, name, arguments)
        assert result.ok, result
    return world


def write(path: str, value: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    return "file_operations_writer", {"path": path, "input": value, **more}


def post(value: Any) -> tuple[str, dict[str, Any]]:
    return "network_poster", {"url": URL, "input": value}


def notify(message: str) -> tuple[str, dict[str, Any]]:
    return "utility_notifier", {"recipient": "ops", "message": message, "channel": "chat"}


def push(value: Any) -> tuple[str, dict[str, Any]]:
    return "integration_queue", {"name": "work", "input": value}


HOLDS: list[tuple[Did, Check]] = [
    ([write("o.json", ROWS)], Check("file", "o.json", ROWS)),
    ([write("o.json", '[{"amount": 10.5000001, "id": 1}]')], Check("file", "o.json", ROWS[:1])),
    ([write("o.csv", ROWS)], Check("file", "o.csv", ROWS)),
    ([write("o.csv", ROWS)], Check("file", "o.csv", "id,amount\r\n1,10.50\r\n2,20")),
    ([write("o.xml", ROWS)], Check("file", "o.xml", ROWS)),
    ([write("o.txt", "one\ntwo  \n")], Check("file", "o.txt", "one\ntwo")),
    (
        [("file_operations_compressor", {"input": "hello there", "destination": "o.gz"})],
        Check("archive", "o.gz", "hello there"),
    ),
    (
        [("file_operations_compressor", {"input": ROWS, "method": "zip", "destination": "o"})],
        Check("archive", "o", ROWS),
    ),
    ([post(ROWS[0]), post(ROWS)], Check("post", URL, ROWS)),
    ([post(ROWS)], Check("post_once", URL, ROWS)),
    ([push("a b"), push(ROWS)], Check("queue", "work", ["a b", ROWS])),
    ([], Check("queue", "work", [])),
    ([("network_router", {"input": ROWS})], Check("routed", "default", ROWS)),
    ([("utility_cache", {"key": "k", "input": ROWS})], Check("cache", "k", ROWS)),
    ([notify("Total: 61.5")], Check("notification", "ops", {"contains": ["total", "61.5"]})),
    ([notify("hi")], Check("notification", "ops", {"channel": "chat", "message": "hi"})),
    ([("utility_logger", {"message": "It is Done"})], Check("log", "info", "done")),
    ([("utility_logger", {"message": "It is Done"})], Check("log", "", "done")),
    (
        [("integration_scheduler", {"job": "j", "every": "week", "at": "6:00"})],
        Check("schedule", "j", {"every": "week", "at": "06:00"}),
    ),
    ([("integration_authenticator", {})], Check("session", "crm", None)),
    ([("integration_connector", {})], Check("connection", "api.example.com", None)),
    ([("utility_tracker", {"status": "done"})], Check("tracked", "task", "done")),
    (
        [("computation_calculator", {"expression": "1 + 1"})],
        Check("result", "computation_calculator", 2),
    ),
]


VALIDATE = ("data_processing_validator", {"input": ROWS, "required": ["id", "amount"]})
FIELDS = {"records": ROWS, "filled": ["id", "amount"]}
CSV = "id,amount\n1,10.50\n2,20\n"
HOLDS += [
    (
        [("file_operations_compressor", {"input": "id,amount\n1,10.5\n", "destination": "o.gz"})],
        Check("archive", "o.gz", "id;amount\n1;10.50"),
    ),
    ([write("o.json", ROWS)], Check("file", "o.json", ROWS[::-1])),
    ([post(CSV)], Check("post", URL, ROWS)),
    ([post(ROWS)], Check("post", URL, "id,amount\n2,20\n1,10.50\n")),
    (
        [push('[{"id": 2, "amount": 20}, {"amount": 10.5, "id": 1}]')],
        Check("queue", "work", [ROWS]),
    ),
    ([("utility_cache", {"key": "k", "input": " 61.50 "})], Check("cache", "k", 61.5)),
    ([notify("No. 61.5.")], Check("notification", "ops", {"contains": "61.5", "lacks": "61"})),
    (
        [("utility_logger", {"message": "it is E-1"}), ("utility_logger", {"message": "so far"})],
        Check("log", "info", {"contains": "e-1", "lacks": ["E-2", "E-12"]}),
    ),
    (
        [("computation_calculator", {"expression": "1 + 1"})],
        Check("result", "", 2),
    ),
    ([VALIDATE], Check("checked", "o", FIELDS)),
    ([VALIDATE], Check("checked", "o", {"records": ROWS[1:], "filled": ["amount"]})),
    (
        [
            (
                "network_validator",
                {"input": "id,amount\n1,10.50\n2,20\n", "required": ["id", "amount"]},
            )
        ],
        Check("checked", "o", FIELDS),
    ),
    ([("data_processing_validator", {"input": ROWS})], Check("checked", "o", FIELDS)),
    ([("computation_analyzer", {"input": ROWS})], Check("checked", "o", FIELDS)),
    (
        [("data_processing_validator", {"input": ROWS, "unique": ["id"]})],
        Check("checked", "o", {"records": ROWS, "unique": ["id"]}),
    ),
    ([("network_monitor", {})], Check("probed", "api.example.com", None)),
    ([("network_fetcher", {"url": URL})], Check("probed", URL, None)),
    ([("network_fetcher", {"url": URL})], Check("seen", URL, None)),
]


@pytest.mark.parametrize(("did", "check"), HOLDS)
def test_holds_after_the_work(did: Did, check: Check) -> None:
    assert goal_met(after(did), [check])


FAILS: list[tuple[Did, Check]] = [
    *(([], check) for _, check in HOLDS if check.expected != []),
    ([write("o.json", ROWS)], Check("file", "o.json", ROWS[::-1], ordered=True)),
    ([write("o.json", ROWS)], Check("file", "o.json", ROWS[:1])),
    ([write("o.json", "id,amount\n1,10.50\n2,20\n")], Check("file", "o.json", ROWS)),
    ([post("id,amount\n1,10.50\n2,21\n")], Check("post", URL, ROWS)),
    ([notify("161.5 or 61.52")], Check("notification", "ops", {"contains": "61.5"})),
    ([notify("it is a or b")], Check("notification", "ops", {"contains": "a", "lacks": "b"})),
    (
        [("utility_logger", {"message": "it is E-1"}), ("utility_logger", {"message": "or E-2"})],
        Check("log", "info", {"contains": "e-1", "lacks": ["E-2"]}),
    ),
    ([("network_validator", {"input": ROWS})], Check("checked", "o", FIELDS)),
    (
        [("network_validator", {"input": [{"a": 1}], "required": ["id", "amount"]})],
        Check("checked", "o", FIELDS),
    ),
    ([VALIDATE], Check("checked", "o", {"records": [*ROWS, ROWS[0]], "filled": ["amount"]})),
    ([("utility_cache", {"key": "k", "input": "61.6"})], Check("cache", "k", 61.5)),
    ([write("o.json", "no json")], Check("file", "o.json", ROWS)),
    ([write("o.txt", "one\ntwo")], Check("file", "o.txt", "one two")),
    ([("network_monitor", {})], Check("seen", URL, None)),
    ([write("o.gz", "not base64")], Check("archive", "o.gz", "hello")),
    ([write("o.gz", "UEsx")], Check("archive", "o.gz", "hello")),
    ([write("o.gz", "AAAA")], Check("archive", "o.gz", "hello")),
    ([post(ROWS), post(ROWS)], Check("post_once", URL, ROWS)),
    ([push("a b"), push("a b")], Check("queue", "work", ["a b"])),
    ([notify("Total: 61.5")], Check("notification", "ops", {"contains": ["total", "62"]})),
    ([notify("hi")], Check("notification", "ops", {"channel": "email"})),
    ([notify("hi")], Check("notification", "boss", {"message": "hi"})),
    ([("utility_logger", {"message": "done"})], Check("log", "error", "done")),
    (
        [("utility_tracker", {"status": "done"}), ("utility_tracker", {"status": "late"})],
        Check("tracked", "task", "done"),
    ),
]


@pytest.mark.parametrize(("did", "check"), FAILS)
def test_fails_without_it(did: Did, check: Check) -> None:
    assert not goal_met(after(did), [check])


def zipped(method: int = zipfile.ZIP_STORED, members: int = 1, **patches: int) -> str:
    """Base64 of a zip; `patches` write 16 bits at `_OFFSET` of its first directory entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number in range(members):
            archive.writestr(str(number), "hello")
    raw = bytearray(out.getvalue())
    for offset, value in patches.items():
        struct.pack_into("<H", raw, raw.find(b"PK\x01\x02") + int(offset[1:]), value)
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("data", "holds"),
    [
        (zipped(), True),
        (zipped(zipfile.ZIP_DEFLATED), True),
        (zipped(_8=1), False),  # encrypted
        (zipped(_10=97), False),  # of a method that nobody knows
        (zipped(zipfile.ZIP_LZMA), False),
        (zipped(zipfile.ZIP_BZIP2), False),
        (zipped(_6=99), False),  # for readers of the future
        (zipped(_42=65_000), False),
        (zipped(members=0), False),
        (zipped(members=2), True),
        (zipped(members=101), False),
        (base64.b64encode(b"\x1f\x8b" + b"\xff" * 99).decode(), False),
        ("é", False),
    ],
)
def test_an_archive_of_a_models_making_holds_or_not_and_never_raises(
    data: str, *, holds: bool
) -> None:
    world = World(TASK)
    world.files["out/o.zip"] = data
    assert goal_met(world, [Check("archive", "out/o.zip", "hello")]) is holds


def test_every_kind_is_tried_above() -> None:
    assert {check.kind for _, check in HOLDS} == set(KINDS)


def test_all_checks_must_hold() -> None:
    world = after([push("a b")])
    good, bad = Check("queue", "work", ["a b"]), Check("file", "o.txt", "")
    outcomes: Callable[..., bool] = lambda *checks: goal_met(world, checks)  # noqa: E731  short
    assert outcomes()
    assert outcomes(good)
    assert not outcomes(good, bad)


def test_effects_are_no_progress_while_data_that_was_to_be_checked_is_not() -> None:
    wanted = {"records": ROWS, "filled": ["id"], "unique": []}
    checks = (Check("checked", "", wanted), Check("file", "o.json", ROWS))
    world = World(replace(TASK, checks=checks, milestones=checks[1:]))
    run_tool(world, *write("o.json", ROWS))
    assert standing(world).progress == 0
    run_tool(world, "network_validator", {"input": ROWS, "required": ["id"]})
    assert standing(world) == Standing(goal_met=True, progress=1)


def test_progress_is_the_share_of_milestones_and_checks_that_hold() -> None:
    sent, kept = Check("queue", "work", ["a b"]), Check("cache", "k", 2)
    way = Check("result", "", 2)
    world = World(replace(TASK, checks=(sent, kept), milestones=(way, way)))
    assert standing(world) == Standing(goal_met=False, progress=0)
    run_tool(world, "computation_calculator", {"expression": "1 + 1"})
    assert standing(world).progress == 0.5
    run_tool(world, *push("a b"))
    run_tool(world, "utility_cache", {"key": "k"})
    assert standing(world) == Standing(goal_met=True, progress=1)


def test_who_reached_the_goal_by_a_way_without_the_milestones_has_made_all_the_progress() -> None:
    kept, way = Check("cache", "k", 2), Check("result", "data_processing_aggregator", 2)
    world = World(replace(TASK, checks=(kept,), milestones=(way,)))
    run_tool(world, "utility_cache", {"key": "k", "input": 2})
    assert standing(world) == Standing(goal_met=True, progress=1)


def test_what_changes_is_judged_anew() -> None:
    world, check = World(TASK), Check("queue", "work", ["a b", "c d"])
    judged = []
    for text in ("a b", "c d", "e f"):
        run_tool(world, *push(text))
        judged.append((goal_met(world, [check]), goal_met(world.copied(), [check])))
    assert judged == [(False, False), (True, True), (False, False)]


def test_an_unknown_kind_is_our_mistake() -> None:
    with pytest.raises(SuiteError, match="telepathy"):
        goal_met(World(TASK), [Check("telepathy", "", None)])
