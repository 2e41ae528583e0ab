from __future__ import annotations

from typing import Any


def test_a_bare_call_tells_what_is_there(bench: Any) -> None:
    here = bench(
        files={"a.csv": "x"}, resources={"https://a.b/c": ""}, credentials={"crm": "hunter2"}
    )
    here.call("file_operations_reader")
    assert here.call("utility_helper") == {
        "files": ["a.csv"],
        "addresses": ["https://a.b/c"],
        "services": ["crm"],
        "results": ["file_operations_reader_1"],
    }


def test_a_tool_is_explained(bench: Any) -> None:
    made = bench().call("utility_helper", tool="network_poster")
    assert made["parameters"]["required"] == ["url"]
    assert made["needs"] == ["data_processing_transformer", "integration_authenticator"]


def test_an_unknown_tool_is_told_with_near_ones(bench: Any) -> None:
    code, text = bench().fault("utility_helper", tool="network_postr")
    assert code == "INVALID_INPUT"
    assert "network_poster" in text
