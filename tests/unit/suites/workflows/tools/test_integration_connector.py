from __future__ import annotations

from typing import Any

from stormproof.domain.tasks import Resource


def test_lists_what_a_system_offers(bench: Any) -> None:
    guarded = Resource(200, "", credential="crm")
    here = bench(resources={"https://a.b/x": guarded, "https://c.d/y": "", "https://a.b/z": ""})
    made = here.call("integration_connector")
    assert made["system"] == "a.b"
    assert [(a["url"], a["needs_session"]) for a in made["addresses"]] == [
        ("https://a.b/x", True),
        ("https://a.b/z", False),
    ]
    assert here.call("integration_connector")["system"] == "c.d"
    assert here.call("integration_connector", system="https://a.b/x")["system"] == "a.b"
    assert here.world.connections == ["a.b", "c.d"]


def test_unknown_systems_are_told(bench: Any) -> None:
    assert bench().fault("integration_connector")[0] == "OPERATION_FAILED"
    here = bench(resources={"https://a.b/x": ""})
    assert "a.b" in here.fault("integration_connector", system="sap")[1]
