from __future__ import annotations

from typing import Any

import pytest


def test_describes_numbers_and_texts(orders: Any) -> None:
    made = orders.call("computation_analyzer")
    assert made["records"] == 4
    assert made["fields"]["amount"] == {
        "count": 3,
        "missing": 1,
        "mean": 20.5,
        "median": 20,
        "stdev": pytest.approx(10.259142),
        "min": 10.5,
        "max": 31,
    }
    # equally common: the first in the alphabet
    assert made["fields"]["status"] == {
        "count": 4,
        "missing": 0,
        "distinct": 2,
        "most_common": "open",
    }


def test_one_field_has_its_outliers(bench: Any) -> None:
    rows = [{"x": x} for x in (1, 2, 3, 4, 5, 100)]
    made = bench().call("computation_analyzer", input=rows, field="x")
    assert made["fields"]["x"]["outliers"] == [100]


def test_findings_are_not_taken_for_records(orders: Any) -> None:
    orders.call("computation_analyzer")
    assert len(orders.call("data_processing_filter")) == 3


def test_an_unknown_field_is_told(orders: Any) -> None:
    assert "region" in orders.fault("computation_analyzer", field="region")[1]
