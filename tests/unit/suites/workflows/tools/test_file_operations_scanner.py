from __future__ import annotations

from typing import Any


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
