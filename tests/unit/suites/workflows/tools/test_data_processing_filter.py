from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("", [1, 2, 4]),
        ("amount > 15", [2, 4]),
        ("amount > 15 and status == 'open'", [2, 4]),
        ("status = 'paid' AND amount < 15", [1]),
        ("amount is None", [3]),
        ("not amount", [3]),
        ("status in ('paid', 'lost')", [1, 3]),
        ("id % 2 == 0 || status <> 'open'", [1, 2, 3, 4]),
        ("contains(status, 'pe')", [2, 4]),
        ("1 < id <= 3", [2, 3]),
    ],
)
def test_keeps_what_satisfies(orders: Any, where: str, ids: list[int]) -> None:
    assert [r["id"] for r in orders.call("data_processing_filter", where=where)] == ids


def test_wraps_are_opened(bench: Any) -> None:
    given = {"total": 2, "items": [{"a": 1}, {"a": 2}]}
    assert bench().call("data_processing_filter", input=given, where="a > 1") == [{"a": 2}]


def test_nothing_kept_is_an_empty_table_that_later_calls_can_use(orders: Any) -> None:
    assert orders.call("data_processing_filter", where="id > 99") == []
    assert orders.call("data_processing_filter", where="whatever > 1") == []
    assert orders.call("data_processing_aggregator", function="count") == 0


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("amout > 1", "amout"),
        ("status > 3", "compared"),
        ("__import__('os')", "Functions are"),
        ("amount >", "cannot be read"),
        ("status == paid", "quotes"),
    ],
)
def test_wrong_conditions_are_told(orders: Any, where: str, told: str) -> None:
    code, text = orders.fault("data_processing_filter", where=where)
    assert code == "INVALID_INPUT"
    assert told in text
