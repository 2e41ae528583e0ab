from __future__ import annotations

from typing import Any


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
