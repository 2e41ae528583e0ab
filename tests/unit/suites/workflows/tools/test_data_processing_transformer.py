from __future__ import annotations

from typing import Any

import pytest

ROWS = [{"Full Name": " Ann ", "price": 2, "n": 3}, {"Full Name": "Bo", "price": 1.005, "n": None}]


def changed(bench: Any, *operations: dict[str, Any], rows: Any = ROWS) -> Any:
    return bench().call("data_processing_transformer", input=rows, operations=list(operations))


def test_a_bare_call_tidies_names_and_texts(bench: Any) -> None:
    assert changed(bench) == [
        {"full_name": "Ann", "price": 2, "n": 3},
        {"full_name": "Bo", "price": 1.005, "n": None},
    ]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "rename", "field": "n", "to": "count"}, ["Full Name", "price", "count"]),
        ({"op": "select", "fields": ["n", "price"]}, ["n", "price"]),
        ({"op": "drop", "fields": ["n"]}, ["Full Name", "price"]),
        ({"op": "drop", "field": "n"}, ["Full Name", "price"]),
        ({"op": "compute", "field": "sum", "expression": "price * n"}, [*ROWS[0], "sum"]),
    ],
)
def test_fields_change(bench: Any, operation: dict[str, Any], expected: list[str]) -> None:
    assert list(changed(bench, operation)[0]) == expected


@pytest.mark.parametrize(
    ("operation", "field", "expected"),
    [
        ({"op": "compute", "field": "s", "expression": "price * n"}, "s", [6, None]),
        ({"op": "uppercase", "field": "Full Name"}, "Full Name", [" ANN ", "BO"]),
        ({"op": "lowercase"}, "Full Name", [" ann ", "bo"]),
        ({"op": "trim"}, "Full Name", ["Ann", "Bo"]),
        ({"op": "sort", "field": "price"}, "price", [1.005, 2]),
        ({"op": "sort", "field": "n", "descending": True}, "n", [3, None]),
        ({"op": "limit", "count": "1"}, "n", [3]),
        ({"op": "round", "field": "price", "count": 1}, "price", [2, 1.0]),
        ({"op": "convert", "field": "price", "to": "text"}, "price", ["2", "1.005"]),
    ],
)
def test_values_change(bench: Any, operation: Any, field: str, expected: list[Any]) -> None:
    assert [row[field] for row in changed(bench, operation)] == expected


def test_texts_become_numbers(bench: Any) -> None:
    rows = [{"p": "$1,200.50"}, {"p": "7"}, {"p": 3}, {"p": None}]
    convert = {"op": "convert", "field": "p", "to": "number"}
    assert [r["p"] for r in changed(bench, convert, rows=rows)] == [1200.5, 7, 3, None]


def test_duplicates_go(bench: Any) -> None:
    rows = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}]
    assert len(changed(bench, {"op": "deduplicate"}, rows=rows)) == 2
    assert changed(bench, {"op": "deduplicate", "fields": ["a"]}, rows=rows) == rows[:1]


def test_operations_follow_each_other(bench: Any) -> None:
    made = changed(
        bench,
        {"op": "compute", "field": "double", "expression": "price * 2"},
        {"op": "sort", "field": "double"},
        {"op": "select", "fields": ["double"]},
    )
    assert made == [{"double": 2.01}, {"double": 4}]


def test_the_parsed_table_stays_as_it_was(orders: Any) -> None:
    before = repr(orders.world.results["data_processing_parser_1"].value)
    for op in ("trim", "normalise", "uppercase"):
        orders.call("data_processing_transformer", operations=[{"op": op}])
    assert repr(orders.world.results["data_processing_parser_1"].value) == before


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"op": "rename", "field": "nope", "to": "x"}, "nope"),
        ({"op": "rename", "field": "n"}, "new name"),
        ({"op": "explode"}, "explode"),
        ({"op": "sort", "by": "n"}, "by"),
        ({"field": "n"}, "op"),
        ({"op": "limit"}, "count"),
        ({"op": "convert", "field": "n", "to": "date"}, "number or text"),
    ],
)
def test_wrong_operations_are_told(bench: Any, operation: Any, told: str) -> None:
    call = {"input": ROWS, "operations": [operation]}
    code, text = bench().fault("data_processing_transformer", **call)
    assert code == "INVALID_INPUT"
    assert told in text
