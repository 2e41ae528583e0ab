from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stormproof.domain.tasks import Resource, Task
from stormproof.errors import SuiteError
from stormproof.suites.workflows.tools import CATALOGUE, CATEGORIES, run_tool
from stormproof.suites.workflows.world import World

OPERATIONS = {
    "file_operations": "reader scanner converter compressor writer",
    "data_processing": "parser transformer validator filter aggregator",
    "network": "fetcher validator poster monitor router",
    "computation": "calculator predictor analyzer simulator optimizer",
    "integration": "authenticator mapper queue scheduler connector",
    "utility": "logger cache tracker helper notifier",
}
NEEDS = {
    "data_processing_transformer": {"data_processing_parser"},
    "data_processing_validator": {"data_processing_parser"},
    "data_processing_aggregator": {"data_processing_parser"},
    "network_validator": {"data_processing_parser", "data_processing_transformer"},
    "computation_calculator": {"data_processing_parser", "network_validator"},
    "file_operations_writer": {"data_processing_transformer", "network_validator"},
    "network_poster": {"data_processing_transformer", "integration_authenticator"},
    "computation_analyzer": {"data_processing_parser", "data_processing_aggregator"},
    "utility_notifier": {"computation_analyzer", "network_monitor"},
}
COMMON = {"INVALID_INPUT", "OPERATION_FAILED", "TIMEOUT"}
OWN = {
    "file_operations": {"FILE_NOT_FOUND", "ACCESS_DENIED", "PERMISSION_DENIED"},
    "network": {"UNAUTHORIZED", "NETWORK_ERROR", "INVALID_RESPONSE"},
    "computation": {"CALCULATION_ERROR", "OVERFLOW"},
}
TASK = Task(
    "t",
    "simple_task",
    "easy",
    "",
    (),
    (),
    (),
    files={"a.csv": "id,x,kind\n1,2.5,p\n2,,q\n3,4,p\n", "b.json": '{"a": {"b": [1, 2]}}'},
    resources={"https://a.b/c": Resource(200, "[1]"), "https://a.b/d": Resource(404, "no")},
    credentials={"crm": "pw"},
)


def rich_world() -> World:
    """A world with a result of most kinds."""
    world = World(TASK)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("file_operations_reader", {}),
        ("data_processing_parser", {}),
        ("computation_calculator", {"expression": "sum(x)"}),
        ("computation_analyzer", {"input": "data_processing_parser_1"}),
        ("data_processing_validator", {}),
        ("file_operations_compressor", {}),
        ("integration_authenticator", {}),
    ]
    for name, arguments in calls:
        assert run_tool(world, name, arguments).ok, name
    return world


def test_thirty_tools_in_six_categories() -> None:
    names = [f"{c}_{o}" for c, operations in OPERATIONS.items() for o in operations.split()]
    assert sorted(CATALOGUE) == sorted(names)
    assert [t.spec.category for t in CATALOGUE.values()] == [c for c in CATEGORIES for _ in "12345"]


def test_needs_are_the_dependency_table() -> None:
    assert {n: set(t.spec.needs) for n, t in CATALOGUE.items() if t.spec.needs} == NEEDS


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_spec_tells_all(name: str) -> None:
    spec = CATALOGUE[name].spec
    assert spec.name == name
    assert set(spec.errors) == COMMON | OWN.get(spec.category, set())
    Draft202012Validator.check_schema(spec.parameters)
    assert spec.parameters["additionalProperties"] is False
    assert "$ref" not in str(spec.parameters)
    assert spec.description.endswith(".")
    assert spec.returns
    for parameter in spec.parameters["properties"].values():
        assert parameter["description"].endswith((".", "value.", "expression."))


@pytest.mark.parametrize("name", CATALOGUE)
def test_unknown_arguments_are_named(name: str) -> None:
    result = run_tool(rich_world(), name, {"sauce": 1, "inptu": 2})
    assert result.error_code == "INVALID_INPUT"
    assert "'sauce'" in result.message
    assert "'inptu'" in result.message
    assert all(known in result.message for known in CATALOGUE[name].spec.parameters["properties"])


@pytest.mark.parametrize("name", CATALOGUE)
def test_bare_calls_work_on_the_latest_fitting_value(name: str) -> None:
    result = run_tool(rich_world(), name, {})
    required = CATALOGUE[name].spec.parameters["required"]
    if name == "computation_simulator":
        assert result.ok
    elif required:
        assert result.error_code == "INVALID_INPUT"
        assert required[0] in result.message
    else:
        assert result.ok, result


@pytest.mark.parametrize("name", CATALOGUE)
def test_bare_calls_on_an_empty_world_are_told_what_is_missing(name: str) -> None:
    result = run_tool(World(Task("t", "simple_task", "easy", "", (), (), ())), name, {})
    assert result.ok or result.message


def test_numbers_and_booleans_may_be_written_as_text() -> None:
    world = rich_world()
    call = {"input": "data_processing_parser_1", "steps": "2", "field": "x"}
    assert len(run_tool(world, "computation_predictor", call).value["predictions"]) == 2
    wrong = run_tool(world, "computation_predictor", {**call, "steps": "two"})
    assert wrong.error_code == "INVALID_INPUT"
    assert "`steps`" in wrong.message


def test_nulls_count_as_left_out() -> None:
    assert run_tool(World(TASK), "file_operations_reader", {"path": None}).ok


def test_placeholders_around_a_handle_are_forgiven() -> None:
    for written in ("${data_processing_parser_1}", "{{data_processing_parser}}", "<a.csv>"):
        assert run_tool(rich_world(), "network_validator", {"input": written}).ok


def test_a_name_outside_the_catalogue_is_our_mistake() -> None:
    with pytest.raises(SuiteError):
        run_tool(rich_world(), "data_processing_blender", {})


texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "data_processing_parser_1",
            "computation_analyzer_1",
            "a.csv",
            "b.json",
            "https://a.b/c",
            "x > 1",
            "sum(x) / 0",
            "((((",
            "kind",
            "id",
            "x",
            "9**9**9",
            "[[[[" * 100,
            '{"a":' * 60,
            "1" * 400,
            "<a>" * 50,
            "id;x\n" * 9,
            "\x00",
            "\ud800",
        ]
    ),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just(10**400), st.just(-1)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(["x", "id", "kind", "a"]), texts), inner),
    ),
    max_leaves=8,
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A tool with arguments of its own names: hostile values, or ones of the right shape."""
    name = draw(st.sampled_from(list(CATALOGUE)))
    schema = CATALOGUE[name].spec.parameters["properties"]
    kept = draw(st.lists(st.sampled_from(list(schema)), unique=True))
    return name, {each: draw(st.one_of(values, shaped(schema[each]))) for each in kept}


PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "integer": st.integers(-5, 10**6),
    "number": st.floats(),
    "boolean": st.booleans(),
}


def shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "items" in schema:
        return st.lists(shaped(schema["items"]), max_size=3)
    if "properties" in schema:
        each = {name: shaped(inner) for name, inner in schema["properties"].items()}
        needed = {name: each.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(needed, optional=each)
    return PLAIN.get(schema.get("type", ""), values)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls(), max_size=5))
def test_whatever_is_written_a_call_ends_in_a_result(
    sequence: list[tuple[str, dict[str, Any]]],
) -> None:
    world = rich_world()
    for name, arguments in sequence:
        before = copy.deepcopy(arguments)
        kept = {handle: repr(result) for handle, result in world.results.items()}
        result = run_tool(world, name, arguments)
        assert repr(arguments) == repr(before)
        assert {handle: repr(world.results[handle]) for handle in kept} == kept
        if result.ok:
            msgspec.json.encode(result.value)
        else:
            assert result.error_code in CATALOGUE[name].spec.errors
            assert result.message
            assert len(result.message) < 2_000
    assert msgspec.to_builtins(TASK) == TASK_BEFORE


TASK_BEFORE = copy.deepcopy(msgspec.to_builtins(TASK))


def test_same_calls_same_results() -> None:
    assert repr(rich_world().results) == repr(rich_world().results)
    assert Counter(r.tool for r in rich_world().results.values()).most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", CATALOGUE)
def test_descriptions_alone_tell_choices_and_inner_shapes(name: str) -> None:
    # a model that reads text, not schemas, sees a parameter's description and nothing else
    for parameter in CATALOGUE[name].spec.parameters["properties"].values():
        inner = parameter.get("items", {}).get("properties", {})
        for word in (*parameter.get("enum", ()), *inner, *inner.get("op", {}).get("enum", ())):
            assert word in parameter["description"]
