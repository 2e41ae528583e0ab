from __future__ import annotations

from typing import Any

NESTED = {"id": 7, "address": {"city": "Bern", "geo": {"lat": 1}}, "lines": [{"price": 3}]}


def test_a_bare_call_flattens(bench: Any) -> None:
    here = bench()
    flat = {"id": 7, "address_city": "Bern", "address_geo_lat": 1, "lines": [{"price": 3}]}
    assert here.call("integration_mapper", input=[NESTED]) == [flat]


def test_targets_come_from_paths(bench: Any) -> None:
    mapping = {"city": "address.city", "first": "lines.0.price", "no": "id"}
    made = bench().call("integration_mapper", input=[NESTED, {"id": 8}], mapping=mapping)
    assert made == [
        {"city": "Bern", "first": 3, "no": 7},
        {"city": None, "first": None, "no": 8},
    ]


def test_an_object_stays_one(bench: Any) -> None:
    given = {"a": {"b": 1}}
    assert bench().call("integration_mapper", input=given) == {"a_b": 1}


def test_unknown_paths_are_told(bench: Any) -> None:
    code, text = bench().fault("integration_mapper", input=[NESTED], mapping={"x": "address.zip"})
    assert code == "INVALID_INPUT"
    assert "address.geo.lat" in text
