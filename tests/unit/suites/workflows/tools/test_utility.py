from __future__ import annotations

from typing import Any

from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import PAYLOAD, LogEntry, Notification

# --- utility_cache ----------------------------------------------------------------------------


def test_what_is_put_comes_back(orders: Any) -> None:
    orders.call("utility_cache", key="orders")
    orders.call("utility_cache", key="state", input="done")
    assert orders.call("utility_cache", key="state", action="get") == "done"
    made = orders.call("utility_cache", key="orders", action="get")
    assert made == orders.world.cache["orders"]
    assert len(orders.call("data_processing_filter")) == 3


def test_an_unknown_key_is_told(orders: Any) -> None:
    orders.call("utility_cache", key="orders")
    code, text = orders.fault("utility_cache", key="order", action="get")
    assert code == "OPERATION_FAILED"
    assert "orders" in text


# --- utility_helper ---------------------------------------------------------------------------


def test_a_bare_call_tells_what_is_there(bench: Any) -> None:
    here = bench(
        files={"a.csv": "x"}, resources={"https://a.b/c": ""}, credentials={"crm": "hunter2"}
    )
    here.call("file_operations_reader")
    assert here.call("utility_helper") == {
        "files": ["a.csv"],
        "addresses": ["https://a.b/c"],
        "services": ["crm"],
        "results": ["file_operations_reader_1"],
    }


def test_a_tool_is_explained(bench: Any) -> None:
    made = bench().call("utility_helper", tool="network_poster")
    assert made["parameters"]["required"] == ["url"]
    assert made["needs"] == ["data_processing_transformer", "integration_authenticator"]


def test_an_unknown_tool_is_told_with_near_ones(bench: Any) -> None:
    code, text = bench().fault("utility_helper", tool="network_postr")
    assert code == "INVALID_INPUT"
    assert "network_poster" in text


def test_more_of_a_long_result_is_shown_part_by_part(bench: Any) -> None:
    here = bench(files={"a.txt": "0123456789" * 500})
    here.call("file_operations_reader", path="a.txt")
    parts = [
        here.call("utility_helper", result="file_operations_reader_1", offset=at)
        for at in (0, 2_000, 4_000)
    ]
    assert "".join(parts) == "0123456789" * 500
    assert here.world.latest(PAYLOAD).source == "a.txt"  # a part is no data
    rest = {"result": "file_operations_reader_1", "offset": 4_000}
    told = run_tool(here.world, "utility_helper", rest).message
    assert told == "Characters 4000 to 5000 of 5000."
    _, text = here.fault("utility_helper", result="file_operations_reader_1", offset=5_000)
    assert "5000 characters" in text
    assert "Results so far" in here.fault("utility_helper", result="no_such_1")[1]


# --- utility_logger ---------------------------------------------------------------------------


def test_entries_are_kept_in_order(orders: Any) -> None:
    orders.call("utility_logger", message="started", level="warning")
    orders.call("utility_logger")
    first, second = orders.world.log
    assert first == LogEntry("warning", "started")
    assert second.message.startswith('data_processing_parser_1: [{"id":1')


def test_levels_are_known(orders: Any) -> None:
    assert "loud" in orders.fault("utility_logger", message="x", level="loud")[1]


# --- utility_notifier -------------------------------------------------------------------------


def test_a_message_is_sent(orders: Any) -> None:
    orders.call("utility_notifier", recipient="ops", message="done", channel="chat")
    assert orders.world.notifications == [Notification("ops", "chat", "done")]


def test_without_a_message_the_latest_result_is_told(orders: Any) -> None:
    orders.call("data_processing_aggregator", function="sum", field="amount")
    orders.call("utility_notifier", recipient="ops")
    assert orders.world.notifications[0].message == "data_processing_aggregator_1: 61.5"


def test_data_follows_the_message(orders: Any) -> None:
    orders.call("utility_notifier", recipient="ops", message="Total:", input=61.5)
    assert orders.world.notifications[0].message == "Total: 61.5"


def test_a_recipient_is_needed(orders: Any) -> None:
    code, text = orders.fault("utility_notifier", message="hello")
    assert code == "INVALID_INPUT"
    assert "recipient" in text


# --- utility_tracker --------------------------------------------------------------------------


def test_the_latest_status_counts(orders: Any) -> None:
    orders.call("utility_tracker", name="import", status="started")
    made = orders.call("utility_tracker", name="import", status="done")
    assert orders.world.tracked == {"import": "done"}
    assert made["steps"][:2] == ["file_operations_reader_1", "data_processing_parser_1"]


def test_tracking_is_bounded(bench: Any) -> None:
    here = bench()
    for number in range(200):
        here.call("utility_tracker", name=str(number))
    assert here.fault("utility_tracker", name="one more")[0] == "OPERATION_FAILED"
