from __future__ import annotations

from typing import Any

from stormproof.domain.tasks import Task
from stormproof.suites.workflows.world import PAYLOAD, Kind, Post, World

TASK = Task(
    "t",
    "simple_task",
    "easy",
    "",
    (),
    (),
    (),
    files={"a.csv": "x", "defaults.json": '{"network_poster": {"url": "https://a.b"}}'},
    credentials={"crm": "pw"},
)


def test_handles_are_the_tools_name_and_a_count() -> None:
    world = World(TASK)
    assert world.keep("file_operations_reader", "text", "one") == "file_operations_reader_1"
    assert world.keep("data_processing_parser", "table", []) == "data_processing_parser_1"
    assert world.keep("file_operations_reader", "text", "two") == "file_operations_reader_2"
    assert list(world.results) == [
        "file_operations_reader_1",
        "data_processing_parser_1",
        "file_operations_reader_2",
    ]


def test_the_latest_is_the_newest_of_the_kinds() -> None:
    world = World(TASK)
    assert world.latest(PAYLOAD) is None
    world.keep("a", "text", 1)
    world.keep("b", "table", 2)
    world.keep("c", "report", 3)
    wanted: list[tuple[tuple[Kind, ...], int]] = [
        (PAYLOAD, 2),
        (("text",), 1),
        (("report", "text"), 3),
    ]
    for kinds, value in wanted:
        found = world.latest(kinds)
        assert found is not None
        assert found.value == value


def test_a_result_is_found_by_handle_tool_and_source() -> None:
    world = World(TASK)
    world.keep("reader", "text", "old", source="a.csv")
    world.keep("reader", "text", "new", source="a.csv")
    found = [world.named(name) for name in ("reader_1", "reader", "a.csv", "nothing")]
    assert [each and each.value for each in found] == ["old", "new", "new", None]


def test_worlds_share_nothing_that_changes() -> None:
    first, second = World(TASK), World(TASK)
    first.files["b.txt"] = "new"
    first.posts.append(Post("https://a.b", None))
    assert second.files == TASK.files == World(TASK).files
    assert second.posts == []


def test_tokens_depend_on_task_and_service_alone() -> None:
    token = World(TASK).token("crm")
    assert token == World(TASK).token("crm")
    assert token != World(TASK).token("erp")
    assert "pw" not in token


def test_defaults_come_from_the_tasks_own_file() -> None:
    assert World(TASK).defaults("network_poster") == {"url": "https://a.b"}
    assert World(TASK).defaults("network_fetcher") == {}
    assert World(Task("t", "simple_task", "easy", "", (), (), ())).defaults("network_poster") == {}


def test_a_copy_shares_no_container_with_its_world() -> None:
    world = World(TASK)
    world.defaults("network_poster")
    for name, held in _containers(world):
        if isinstance(held, list):
            held.append(name)
        else:
            held.update({"a": []})
    twin = world.copied()
    for name, held in _containers(twin):
        assert held == getattr(world, name)
        assert held is not getattr(world, name), name
    twin.queues["a"].append("sent")
    twin.routed["a"].append("sent")
    assert world.queues == world.routed == {"a": []}
    assert twin.defaults("network_poster") == {"url": "https://a.b"}


def _containers(world: World) -> list[tuple[str, Any]]:
    names = set(World.__slots__) - {"task", "weight", "_defaults"}
    return [(name, getattr(world, name)) for name in sorted(names)]
