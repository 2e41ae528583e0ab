from __future__ import annotations

from typing import Any


def test_a_bare_call_looks_for_missing_values(orders: Any) -> None:
    report = orders.call("data_processing_validator")
    assert report == {"valid": False, "checked": 4, "errors": ["record 3: amount is missing"]}


def test_a_schema_is_held_against_each_record(orders: Any) -> None:
    schema = {"properties": {"id": {"type": "integer", "maximum": 3}}, "required": ["status"]}
    report = orders.call("data_processing_validator", schema=schema)
    assert not report["valid"]
    assert report["errors"] == ["record 4: id: 4 is greater than the maximum of 3"]


def test_unique_fields(orders: Any) -> None:
    assert orders.call("data_processing_validator", unique=["id"])["valid"]
    report = orders.call("data_processing_validator", unique=["status"])
    assert report["errors"][0] == "record 3: status repeats that of record 1"


def test_a_hostile_schema_is_refused(orders: Any) -> None:
    for schema in (
        {"$ref": "http://example.com/schema"},
        {"properties": {"status": {"pattern": "(a+)+$"}}},
        {"allOf": [{"items": {"uniqueItems": True}}]},
        {"type": "nonsense"},
        {"minimum": "x" * 20_000},
    ):
        assert orders.fault("data_processing_validator", schema=schema)[0] == "INVALID_INPUT"


def test_text_must_be_parsed_first(bench: Any) -> None:
    assert "parse" in bench().fault("data_processing_validator", input="a b")[1]
