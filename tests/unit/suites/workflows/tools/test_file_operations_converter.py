from __future__ import annotations

import json
from typing import Any


def test_csv_becomes_json(bench: Any) -> None:
    here = bench(files={"a.csv": "id,name\n1,Ann\n"})
    here.call("file_operations_reader")
    text = here.call("file_operations_converter", to="json")
    assert json.loads(text) == [{"id": 1, "name": "Ann"}]


def test_parsed_data_becomes_any_format_and_back(orders: Any) -> None:
    wanted = orders.world.results["data_processing_parser_1"].value
    for to in ("csv", "json", "jsonl", "xml"):
        orders.call("file_operations_converter", to=to, input="data_processing_parser_1")
        assert orders.call("data_processing_parser", format=to)[:2] == wanted[:2]


def test_broken_text_is_told(bench: Any) -> None:
    code, text = bench().fault("file_operations_converter", input='{"a": ', to="csv")
    assert code == "OPERATION_FAILED"
    assert "JSON" in text
