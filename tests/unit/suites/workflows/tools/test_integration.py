from __future__ import annotations

from typing import Any

import pytest

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.world import Schedule

# --- integration_authenticator ----------------------------------------------------------------


def test_sessions_open_one_after_another_and_are_always_the_same(bench: Any) -> None:
    here, again = (bench(credentials={"crm": "a", "erp": "b"}) for _ in range(2))
    first, second = (here.call("integration_authenticator") for _ in range(2))
    assert (first["service"], second["service"]) == ("crm", "erp")
    assert first["session"] != second["session"]
    assert here.world.sessions == {"crm": first["session"], "erp": second["session"]}
    assert again.call("integration_authenticator", service="erp") == second


def test_an_expired_credential_opens_nothing_and_names_the_one_that_does(bench: Any) -> None:
    here = bench(credentials={"old": "expired; replaced by new", "new": "s"})
    told = here.call("integration_authenticator", service="old")
    assert told["session"] is None
    assert "new replaces it" in told["note"]
    assert not here.world.sessions
    here.call("integration_authenticator", service="new")
    assert list(here.world.sessions) == ["new"]


def test_the_secret_is_never_shown(bench: Any) -> None:
    here = bench(credentials={"crm": "hunter2"})
    assert "hunter2" not in str(here.call("integration_authenticator"))


def test_unknown_services_are_told(bench: Any) -> None:
    assert bench().fault("integration_authenticator")[0] == "INVALID_INPUT"
    here = bench(credentials={"crm": "a"})
    code, text = here.fault("integration_authenticator", service="hr")
    assert code == "INVALID_INPUT"
    assert "crm" in text


# --- integration_connector --------------------------------------------------------------------


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
    assert bench().fault("integration_connector")[0] == "INVALID_INPUT"
    here = bench(resources={"https://a.b/x": ""})
    assert "a.b" in here.fault("integration_connector", system="sap")[1]


# --- integration_mapper -----------------------------------------------------------------------


NESTED = {"id": 7, "address": {"city": "Bern", "geo": {"lat": 1}}, "lines": [{"price": 3}]}


def test_a_bare_call_flattens(bench: Any) -> None:
    here = bench()
    flat = {"id": 7, "address_city": "Bern", "address_geo_lat": 1, "lines": [{"price": 3}]}
    assert here.call("integration_mapper", input=[NESTED]) == [flat]


def test_targets_come_from_paths(bench: Any) -> None:
    mapping = {"city": "address.city", "first": "lines.0.price", "no": "id"}
    made = bench().call("integration_mapper", input=[NESTED, {"id": 8}], mapping=mapping)
    assert made == [
        {"city": "Bern", "first": 3, "no": 7},
        {"city": None, "first": None, "no": 8},
    ]


def test_an_object_stays_one(bench: Any) -> None:
    given = {"a": {"b": 1}}
    assert bench().call("integration_mapper", input=given) == {"a_b": 1}


def test_unknown_paths_are_told(bench: Any) -> None:
    code, text = bench().fault("integration_mapper", input=[NESTED], mapping={"x": "address.zip"})
    assert code == "INVALID_INPUT"
    assert "address.geo.lat" in text


# --- integration_queue ------------------------------------------------------------------------


def test_first_in_first_out(bench: Any) -> None:
    here = bench()
    for message in ({"n": 1}, {"n": 2}):
        here.call("integration_queue", name="work", input=message)
    assert here.world.queues == {"work": [{"n": 1}, {"n": 2}]}
    assert here.call("integration_queue", name="work", action="peek") == {"n": 1}
    assert here.call("integration_queue", name="work", action="pop") == {"n": 1}
    assert here.world.queues == {"work": [{"n": 2}]}


def test_each_record_can_be_a_message(orders: Any) -> None:
    receipt = orders.call("integration_queue", name="work", each=True)
    assert receipt == {"queue": "work", "pushed": 4, "length": 4}
    orders.call("integration_queue", name="work", action="pop")
    assert len(orders.world.results["data_processing_parser_1"].value) == 4


def test_an_empty_queue_gives_nothing(bench: Any) -> None:
    here = bench()
    assert here.fault("integration_queue", name="work", action="pop")[0] == "OPERATION_FAILED"
    assert here.fault("integration_queue")[0] == "INVALID_INPUT"


# --- integration_scheduler --------------------------------------------------------------------


def test_a_job_is_planned(bench: Any) -> None:
    here = bench()
    here.call("integration_scheduler", job="report", every="week", at="6:05")
    assert here.world.schedules == [Schedule("report", "week", "06:05")]


@pytest.mark.parametrize("at", ["25:00", "6", "noon", "12:60"])
def test_times_are_checked(bench: Any, at: str) -> None:
    here = bench()
    assert here.fault("integration_scheduler", job="report", at=at)[0] == "INVALID_INPUT"
    assert here.world.schedules == []
