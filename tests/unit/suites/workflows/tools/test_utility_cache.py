from __future__ import annotations

from typing import Any


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
