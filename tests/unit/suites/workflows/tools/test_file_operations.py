from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from typing import Any

import pytest

# --- file_operations_compressor ---------------------------------------------------------------


def test_gzip_holds_the_text_and_is_always_the_same(bench: Any) -> None:
    here = bench(files={"a.txt": "hello " * 50})
    first = here.call("file_operations_compressor", path="a.txt")
    assert gzip.decompress(base64.b64decode(first["data"])).decode() == "hello " * 50
    assert first["original_size"] == 300
    assert here.call("file_operations_compressor", path="a.txt") == first


def test_zip_holds_the_file_under_its_name(bench: Any) -> None:
    here = bench(files={"data/a.txt": "hello"})
    made = here.call("file_operations_compressor", path="data/a.txt", method="zip")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(made["data"]))) as archive:
        assert archive.read("data/a.txt") == b"hello"


def test_latest_data_is_written_where_told(orders: Any) -> None:
    made = orders.call("file_operations_compressor", destination="out/orders.gz")
    assert orders.world.files["out/orders.gz"] == made["data"]
    assert made["name"] == "data_processing_parser_1"


def test_an_unknown_method_is_refused(orders: Any) -> None:
    assert orders.fault("file_operations_compressor", method="rar")[0] == "INVALID_INPUT"


# --- file_operations_converter ----------------------------------------------------------------


def test_csv_becomes_json(bench: Any) -> None:
    here = bench(files={"a.csv": "id,name\n1,Ann\n"})
    here.call("file_operations_reader")
    assert here.call("file_operations_converter", to="json") == [{"id": 1, "name": "Ann"}]
    here.call("file_operations_writer", path="b.json")
    assert json.loads(here.world.files["b.json"]) == [{"id": 1, "name": "Ann"}]


def test_what_became_json_can_be_worked_on_as_it_is(bench: Any) -> None:
    made = bench(files={"a.csv": "id,amount\n1,2.5\n2,4\n"})
    made.call("file_operations_reader")
    code, message = made.fault("data_processing_filter", input="file_operations_reader_1")
    assert code == "INVALID_INPUT"
    assert "file_operations_converter" in message
    made.call("file_operations_converter")
    assert len(made.call("data_processing_filter", where="amount > 0")) == 2
    given = {"input": "file_operations_converter_1"}
    assert made.call("data_processing_filter", where="amount > 3", **given) == [
        {"id": 2, "amount": 4}
    ]
    assert made.call("computation_calculator", expression="sum(amount)", **given) == 6.5
    assert made.call("data_processing_validator", required=["id"], **given)["checked"] == 2
    table = [{"op": "without", "fields": ["id"], "table": "file_operations_converter_1"}]
    assert made.call("data_processing_transformer", input=[{"id": 2}], operations=table) == []
    made.call("integration_queue", name="work", each=True, **given)
    assert made.world.queues["work"] == [{"id": 1, "amount": 2.5}, {"id": 2, "amount": 4}]


def test_parsed_data_becomes_any_text_and_back(orders: Any) -> None:
    wanted = orders.world.results["data_processing_parser_1"].value
    for to in ("csv", "jsonl", "xml"):
        orders.call("file_operations_converter", to=to, input="data_processing_parser_1")
        assert orders.call("data_processing_parser", format=to)[:2] == wanted[:2]


def test_broken_text_is_told(bench: Any) -> None:
    code, text = bench().fault("file_operations_converter", input='{"a": ', to="csv")
    assert code == "OPERATION_FAILED"
    assert "JSON" in text


# --- file_operations_reader -------------------------------------------------------------------


def test_bare_calls_read_one_unread_file_after_another(bench: Any) -> None:
    here = bench(files={"a.txt": "first", "defaults.json": "{}", "b.txt": "second"})
    assert [here.call("file_operations_reader") for _ in range(3)] == ["first", "second", "first"]


def test_a_named_file_is_found_whatever_its_prefix(bench: Any) -> None:
    here = bench(files={"data/a.csv": "x"})
    for path in ("data/a.csv", "./data/a.csv", "/data//a.csv"):
        assert here.call("file_operations_reader", path=path) == "x"


def test_a_missing_file_is_told_with_the_nearest_name(bench: Any) -> None:
    here = bench(files={"data/orders.csv": "x"})
    code, text = here.fault("file_operations_reader", path="data/order.csv")
    assert code == "FILE_NOT_FOUND"
    assert "data/orders.csv" in text


def test_no_path_leads_out(bench: Any) -> None:
    here = bench(files={"a": "x"})
    assert here.fault("file_operations_reader", path="../etc/passwd")[0] == "ACCESS_DENIED"


def test_an_empty_workspace_has_nothing_to_read(bench: Any) -> None:
    assert bench().fault("file_operations_reader")[0] == "FILE_NOT_FOUND"


# --- file_operations_scanner ------------------------------------------------------------------


def test_lists_files_that_fit(bench: Any) -> None:
    here = bench(files={"data/a.csv": "1\n2\n", "notes.txt": "é"})
    assert here.call("file_operations_scanner", pattern="data/*") == [
        {"path": "data/a.csv", "size": 4, "lines": 2}
    ]
    assert [f["size"] for f in here.call("file_operations_scanner")] == [4, 2]


def test_lists_lines_that_contain_a_text(bench: Any) -> None:
    here = bench(files={"a.txt": "one\nTwo\nthree two\n"})
    found = here.call("file_operations_scanner", contains="TWO")
    assert [(f["line"], f["text"]) for f in found] == [(2, "Two"), (3, "three two")]


def test_matches_are_bounded(bench: Any) -> None:
    here = bench(files={"a.txt": "x\n" * 5_000})
    assert len(here.call("file_operations_scanner", contains="x")) == 200


# --- file_operations_writer -------------------------------------------------------------------


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
    assert code == "ACCESS_DENIED"


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
