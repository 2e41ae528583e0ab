from __future__ import annotations

import base64
import gzip
import io
import zipfile
from typing import Any


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
