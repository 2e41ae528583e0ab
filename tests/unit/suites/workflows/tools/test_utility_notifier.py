from __future__ import annotations

from typing import Any

from stormproof.suites.workflows.world import Notification


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
