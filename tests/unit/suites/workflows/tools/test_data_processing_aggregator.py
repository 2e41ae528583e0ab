from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("function", "expected"),
    [("sum", 61.5), ("mean", 20.5), ("min", 10.5), ("max", 31), ("median", 20), ("count", 3)],
)
def test_one_figure(orders: Any, function: str, expected: float) -> None:
    made = orders.call("data_processing_aggregator", function=function, field="amount")
    assert made == expected


def test_groups_stand_in_order_of_appearance(orders: Any) -> None:
    call = {"group_by": "status", "function": "sum", "field": "amount"}
    assert orders.call("data_processing_aggregator", **call) == [
        {"status": "paid", "sum_amount": 10.5},
        {"status": "open", "sum_amount": 51},
    ]


def test_without_a_function_groups_are_counted(orders: Any) -> None:
    assert orders.call("data_processing_aggregator", group_by="status") == [
        {"status": "paid", "count": 2},
        {"status": "open", "count": 2},
    ]


def test_a_bare_call_summarises_numeric_fields(orders: Any) -> None:
    made = orders.call("data_processing_aggregator")
    assert list(made) == ["id", "amount"]
    assert made["amount"] == {"count": 3, "sum": 61.5, "mean": 20.5, "min": 10.5, "max": 31}


def test_sums_are_tidy(bench: Any) -> None:
    given = [{"x": 0.1}, {"x": 0.2}]
    made = bench().call("data_processing_aggregator", input=given, function="sum", field="x")
    assert str(made) == "0.3"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ({"function": "sum"}, "id, amount"),
        ({"function": "sum", "field": "status"}, "not a number"),
        ({"function": "sum", "field": "total"}, "total"),
        ({"group_by": "region"}, "region"),
        ({"function": "total"}, "total"),
    ],
)
def test_wrong_arguments_are_told(orders: Any, call: Any, told: str) -> None:
    code, text = orders.fault("data_processing_aggregator", **call)
    assert code == "INVALID_INPUT"
    assert told in text
