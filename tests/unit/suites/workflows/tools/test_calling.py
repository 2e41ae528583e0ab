from __future__ import annotations

import time
from typing import Any

import pytest

ROWS = [{"a": "x" * 4_000}] * 50


def test_shared_parts_cannot_multiply_without_bound(bench: Any) -> None:
    here = bench()
    mapping = {f"f{number}": "a" for number in range(100)}
    code, text = here.fault("integration_mapper", input=ROWS, mapping=mapping)
    assert code == "OPERATION_FAILED"
    assert "2,000,000" in text


def test_long_and_deep_arguments_are_refused_at_once(bench: Any) -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    started = time.process_time()
    for given in ("x" * 2_000_000, deep, [{"n": 10**300}], [{"n": n} for n in range(5_001)]):
        assert bench().fault("data_processing_filter", input=given)[1]
    assert time.process_time() - started < 2  # not a speed test: a hang is what it is about


def test_what_is_no_json_is_refused(bench: Any) -> None:
    assert bench().fault("network_validator", input=object())[0] == "INVALID_INPUT"
    assert bench().fault("network_validator", input="\ud800")[0] == "INVALID_INPUT"


def test_defaults_fill_and_what_is_given_wins(bench: Any) -> None:
    defaults = '{"utility_notifier": {"recipient": "ops", "channel": "chat"}}'
    here = bench(files={"defaults.json": defaults})
    here.call("utility_notifier", message="hi")
    here.call("utility_notifier", message="ho", channel="sms")
    told = [(n.recipient, n.channel) for n in here.world.notifications]
    assert told == [("ops", "chat"), ("ops", "sms")]


def test_wrong_types_are_told_with_their_place(bench: Any) -> None:
    call = {"input": [{"a": 1}], "routes": [{"to": "x", "where": 5}]}
    _, text = bench().fault("network_router", **call)
    assert "`str`" in text
    assert "routes[0].where" in text


@pytest.mark.parametrize(
    ("tool", "call", "options"),
    [
        ("file_operations_converter", {"to": "yaml"}, "csv, json, jsonl, xml"),
        ("data_processing_transformer", {"operations": [{"op": "x"}]}, "append, compute"),
        ("utility_notifier", {"recipient": "a", "channel": "fax"}, "chat, email, sms"),
    ],
)
def test_a_choice_that_there_is_not_is_answered_with_those_that_there_are(
    bench: Any, tool: str, call: Any, options: str
) -> None:
    assert f"It is one of {options}" in bench().fault(tool, **call)[1]


def test_codes_are_of_the_tools_own_list(orders: Any) -> None:
    code, text = orders.fault("data_processing_filter", where="1 / 0 > id")
    assert code == "OPERATION_FAILED"
    assert "zero" in text


def test_a_path_without_a_result_is_no_data(bench: Any) -> None:
    here = bench(files={"a.csv": "x"}, resources={"https://a.b/c": "1"})
    for name in (
        "a.csv",
        "https://a.b/c",
        "out/b.csv",
        "https://a.b/d",
        "data_processing_parser_7",
    ):
        code, _ = here.fault("integration_queue", name="q", input=name)
        assert code == "INVALID_INPUT"
    here.call("integration_queue", name="q", input="done")
    assert here.world.queues == {"q": ["done"]}
