from __future__ import annotations

from typing import Any


def test_a_bare_call_checks_the_latest_data(orders: Any) -> None:
    report = orders.call("network_validator")
    assert report["valid"]
    assert report["records"] == 4


def test_says_all_that_is_wrong(orders: Any) -> None:
    call = {"required": ["id", "amount"], "max_bytes": 10, "schema": {"required": ["region"]}}
    report = orders.call("network_validator", **call)
    assert not report["valid"]
    told = " ".join(report["errors"])
    assert "record 3: amount" in told
    assert "region" in told
    assert f"{report['bytes']} bytes" in told


def test_an_empty_payload_is_not_valid(bench: Any) -> None:
    assert not bench().call("network_validator", input=[])["valid"]
