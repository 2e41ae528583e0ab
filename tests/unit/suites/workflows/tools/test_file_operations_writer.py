from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "start"),
    [("o.csv", "id,amount,status\n1,10.5,paid\n"), ("o.json", "[\n  {"), ("o.xml", "<records>")],
)
def test_the_ending_tells_the_format(orders: Any, path: str, start: str) -> None:
    receipt = orders.call("file_operations_writer", path=path)
    assert orders.world.files[path].startswith(start)
    assert receipt == {"path": path, "size": len(orders.world.files[path])}


def test_text_is_written_as_it_is_and_appended(bench: Any) -> None:
    here = bench()
    here.call("file_operations_writer", path="a.txt", input="one\n")
    here.call("file_operations_writer", path="a.txt", input="two\n", append="true")
    assert here.world.files["a.txt"] == "one\ntwo\n"


def test_a_bare_call_needs_the_tasks_own_default(bench: Any) -> None:
    here = bench(files={"a.txt": "x"})
    here.call("file_operations_reader")
    code, text = here.fault("file_operations_writer")
    assert code == "INVALID_INPUT"
    assert "path" in text
    told = bench(files={"a.txt": "x", "defaults.json": DEFAULTS})
    told.call("file_operations_reader")
    told.call("file_operations_writer")
    assert told.world.files["out/copy.txt"] == "x"


def test_inputs_are_read_only(orders: Any) -> None:
    code, _ = orders.fault("file_operations_writer", path="data/orders.csv")
    assert code == "PERMISSION_DENIED"


def test_reports_and_receipts_are_not_taken_for_data(orders: Any) -> None:
    orders.call("data_processing_validator")
    orders.call("utility_logger")
    orders.call("file_operations_writer", path="o.csv")
    assert orders.world.files["o.csv"].startswith("id,amount")


def test_an_archive_is_written_as_such(orders: Any) -> None:
    made = orders.call("file_operations_compressor")
    orders.call("file_operations_writer", path="o.gz")
    assert orders.world.files["o.gz"] == made["data"]


def test_a_name_that_nothing_has_is_not_written_as_text(orders: Any) -> None:
    code, text = orders.fault("file_operations_writer", path="o.txt", input="parsed_data")
    assert code == "INVALID_INPUT"
    assert "data_processing_parser_1" in text


DEFAULTS = '{"file_operations_writer": {"path": "out/copy.txt"}}'
