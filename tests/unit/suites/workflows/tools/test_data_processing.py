from __future__ import annotations

from typing import Any

import pytest

# --- data_processing_aggregator ---------------------------------------------------------------


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


# --- data_processing_filter -------------------------------------------------------------------


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


# --- data_processing_parser -------------------------------------------------------------------


def test_recognises_what_it_is_given(bench: Any) -> None:
    here = bench()
    for text in (
        "a,b\n1,x\n2,\n",
        '[{"a": 1, "b": "x"}, {"a": 2, "b": null}]',
        '{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n',
        "<r><o><a>1</a><b>x</b></o><o><a>2</a><b/></o></r>",
    ):
        first, second = here.call("data_processing_parser", input=text)
        assert first == {"a": 1, "b": "x"}
        assert second["a"] == 2
        assert not second["b"]


def test_an_object_stays_one(bench: Any) -> None:
    assert bench().call("data_processing_parser", input='{"a": {"b": 1}}') == {"a": {"b": 1}}


def test_structured_data_passes(orders: Any) -> None:
    given = [{"a": 1}]
    assert orders.call("data_processing_parser", input=given) == given


def test_needs_something_to_parse(bench: Any) -> None:
    code, text = bench(files={"a.csv": "x"}).fault("data_processing_parser")
    assert code == "INVALID_INPUT"
    assert "no results" in text


def test_a_path_that_was_not_read_is_told_so(bench: Any) -> None:
    here = bench(files={"a.csv": "x,y\n1,2\n"})
    assert "reader" in here.fault("data_processing_parser", input="a.csv")[1]
    here.call("file_operations_reader")
    assert here.call("data_processing_parser", input="a.csv") == [{"x": 1, "y": 2}]


def test_broken_text_fails_and_says_where(bench: Any) -> None:
    code, text = bench().fault("data_processing_parser", input="a,b\n1,2,3\n")
    assert code == "OPERATION_FAILED"
    assert "Row 2" in text


# --- data_processing_transformer --------------------------------------------------------------


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


STORES = '[{"store": "A", "region": "north"}, {"store": "A", "region": "late"}]'
SALES = '[{"store": "A", "n": 1}, {"store": "B", "n": 2}]'


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("join", [{"store": "A", "n": 1, "region": "north"},
                  {"store": "B", "n": 2, "region": None}]),
        ("append", [{"store": "A", "n": 1}, {"store": "B", "n": 2},
                    {"store": "A", "region": "north"}, {"store": "A", "region": "late"}]),
        ("without", [{"store": "B", "n": 2}]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("table", ["data_processing_parser_1", "in/stores.json"])
def test_a_second_table_is_named_by_handle_or_path(
    bench: Any, op: str, expected: Any, table: str
) -> None:
    here = bench(files={"in/stores.json": STORES, "in/sales.json": SALES})
    for path in ("in/stores.json", "in/sales.json"):
        here.call("file_operations_reader", path=path)
        here.call("data_processing_parser")
    operation = {"op": op, "table": table, "fields": ["store"]}
    assert here.call("data_processing_transformer", operations=[operation]) == expected


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"op": "join", "field": "n"}, "other table"),
        ({"op": "join", "table": "nothing_1", "field": "n"}, "nothing_1"),
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


# --- data_processing_validator ----------------------------------------------------------------


def test_a_bare_call_looks_for_missing_values(orders: Any) -> None:
    report = orders.call("data_processing_validator")
    errors = ["record 3 (id 3): amount is missing"]
    assert report == {"valid": False, "faults": 1, "errors": errors, "checked": 4}


def test_a_schema_is_held_against_each_record(orders: Any) -> None:
    schema = {"properties": {"id": {"type": "integer", "maximum": 3}}, "required": ["status"]}
    report = orders.call("data_processing_validator", schema=schema)
    assert not report["valid"]
    assert report["errors"] == ["record 4 (id 4): id: 4 is greater than the maximum of 3"]


def test_unique_fields(orders: Any) -> None:
    assert orders.call("data_processing_validator", unique=["id"])["valid"]
    report = orders.call("data_processing_validator", unique=["status"])
    assert report["errors"][0] == "record 3 (id 3): status repeats that of record 1"


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
