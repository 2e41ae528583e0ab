from __future__ import annotations

from typing import Any


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
