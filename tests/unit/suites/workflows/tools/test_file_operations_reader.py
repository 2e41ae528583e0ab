from __future__ import annotations

from typing import Any


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
    assert here.fault("file_operations_reader", path="../etc/passwd")[0] == "PERMISSION_DENIED"


def test_an_empty_workspace_has_nothing_to_read(bench: Any) -> None:
    assert bench().fault("file_operations_reader")[0] == "FILE_NOT_FOUND"
