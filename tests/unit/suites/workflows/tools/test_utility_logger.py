from __future__ import annotations

from typing import Any

from stormproof.suites.workflows.world import LogEntry


def test_entries_are_kept_in_order(orders: Any) -> None:
    orders.call("utility_logger", message="started", level="warning")
    orders.call("utility_logger")
    first, second = orders.world.log
    assert first == LogEntry("warning", "started")
    assert second.message.startswith('data_processing_parser_1: [{"id":1')


def test_levels_are_known(orders: Any) -> None:
    assert "loud" in orders.fault("utility_logger", message="x", level="loud")[1]
