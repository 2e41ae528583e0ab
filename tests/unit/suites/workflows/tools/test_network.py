from __future__ import annotations

from typing import Any

import pytest

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.tools import run_tool
from stormproof.suites.workflows.world import Post

# --- network_fetcher --------------------------------------------------------------------------


API = "https://api.example.com"


def test_bare_calls_fetch_one_address_after_another(bench: Any) -> None:
    here = bench(resources={f"{API}/a": "1", f"{API}/b": "2"})
    assert [here.call("network_fetcher") for _ in range(3)] == ["1", "2", "1"]


def test_scheme_and_last_slash_are_forgiven(bench: Any) -> None:
    here = bench(resources={f"{API}/a": "1"})
    for url in ("api.example.com/a", f"{API}/a/", "http://api.example.com/a"):
        assert here.call("network_fetcher", url=url) == "1"


def test_what_does_not_answer_is_told(bench: Any) -> None:
    here = bench(resources={f"{API}/a": "1", f"{API}/down": Resource(503, "")})
    assert here.fault("network_fetcher", url=f"{API}/b")[0] == "INVALID_RESPONSE"
    assert here.fault("network_fetcher", url="https://other.org/a")[0] == "NETWORK_ERROR"
    assert here.fault("network_fetcher", url=f"{API}/down")[0] == "NETWORK_ERROR"
    assert here.fault("network_fetcher", url="no url")[0] == "INVALID_INPUT"
    assert here.fault("network_fetcher", url="http://[")[0] == "INVALID_INPUT"


def test_a_session_opens_what_is_protected(bench: Any) -> None:
    guarded = Resource(200, "secret", credential="crm")
    here = bench(resources={f"{API}/a": guarded}, credentials={"crm": "pw"})
    code, text = here.fault("network_fetcher")
    assert code == "UNAUTHORIZED"
    assert "crm" in text
    here.call("integration_authenticator")
    assert here.call("network_fetcher") == "secret"


def test_nothing_to_fetch(bench: Any) -> None:
    assert bench().fault("network_fetcher")[0] == "INVALID_INPUT"


# --- network_monitor --------------------------------------------------------------------------


def test_states_of_all_or_one(bench: Any) -> None:
    here = bench(resources={"https://a.b/ok": "yes", "https://a.b/bad": Resource(500, "")})
    assert here.call("network_monitor") == [
        {"url": "https://a.b/ok", "status": 200, "healthy": True, "bytes": 3},
        {"url": "https://a.b/bad", "status": 500, "healthy": False, "bytes": 0},
    ]
    assert len(here.call("network_monitor", url="https://a.b/bad")) == 1


def test_nothing_to_watch(bench: Any) -> None:
    assert bench().fault("network_monitor")[0] == "INVALID_INPUT"


# --- network_poster ---------------------------------------------------------------------------


URL = "https://api.example.com/orders"


def test_the_latest_data_arrives(bench: Any) -> None:
    here = bench(resources={URL: ""})
    here.call("data_processing_parser", input='[{"a": 1}]')
    assert here.call("network_poster", url=URL) == {"url": URL, "status": 201, "post": 1}
    assert here.world.posts == [Post(URL, [{"a": 1}])]


def test_a_session_may_be_needed_and_a_refused_post_leaves_no_trace(bench: Any) -> None:
    here = bench(resources={URL: Resource(200, "", credential="crm")}, credentials={"crm": "pw"})
    assert here.fault("network_poster", url=URL, input={"a": 1})[0] == "UNAUTHORIZED"
    assert here.world.posts == []
    here.call("integration_authenticator", service="crm")
    here.call("network_poster", url=URL, input={"a": 1})
    assert len(here.world.posts) == 1


def test_wrong_addresses_are_told(bench: Any) -> None:
    here = bench(resources={URL: ""})
    assert here.fault("network_poster", input="x y")[0] == "INVALID_INPUT"
    assert here.fault("network_poster", url="https://x.org", input="x y")[0] == "NETWORK_ERROR"


# --- network_router ---------------------------------------------------------------------------


def test_records_go_to_the_first_route_that_fits(orders: Any) -> None:
    routes = [{"to": "big", "where": "amount >= 20"}, {"to": "paid", "where": "status == 'paid'"}]
    made = orders.call("network_router", routes=routes, otherwise="rest")
    assert {to: [r["id"] for r in part] for to, part in made.items()} == {
        "big": [2, 4],
        "paid": [1, 3],
    }
    assert orders.world.routed == made


def test_a_second_call_adds(orders: Any) -> None:
    orders.call("network_router", input=[{"a": 1}])
    orders.call("network_router", input=[{"a": 2}])
    assert orders.world.routed == {"default": [{"a": 1}, {"a": 2}]}
    assert orders.world.results["network_router_1"].value == {"default": [{"a": 1}]}


def test_wrong_routes_are_told_before_anything_is_sent(orders: Any) -> None:
    code, text = orders.fault("network_router", routes=[{"to": "a", "where": "region == 1"}])
    assert code == "INVALID_INPUT"
    assert "region" in text
    assert orders.fault("network_router", routes=[{"to": "a"}])[0] == "INVALID_INPUT"
    assert orders.world.routed == {}


# --- network_validator ------------------------------------------------------------------------


def test_a_bare_call_checks_the_latest_data(orders: Any) -> None:
    report = orders.call("network_validator")
    assert report["valid"]
    assert report["checked"] == 4


def test_says_all_that_is_wrong(orders: Any) -> None:
    call = {"required": ["id", "amount"], "max_bytes": 10, "schema": {"required": ["region"]}}
    report = orders.call("network_validator", **call)
    assert not report["valid"]
    told = " ".join(report["errors"])
    assert "record 3 (id 3): amount" in told
    assert "region" in told
    assert f"{report['bytes']} bytes" in told


@pytest.mark.parametrize(
    ("text", "valid", "told"),
    [
        ("id,amount\n1,2\n", True, "nothing wrong"),
        ("id,amount\n1,\n", False, "1 fault."),
        ('[{"id": 1', False, "1 fault."),
        ("just words", False, "1 fault."),
    ],
)
def test_raw_text_is_read_before_it_is_judged(
    bench: Any, text: str, told: str, *, valid: bool
) -> None:
    here = bench()
    asked = {"input": text, "required": ["amount"]}
    result = run_tool(here.world, "network_validator", asked)
    assert result.ok
    assert result.value["valid"] is valid
    assert told in result.message


def test_an_empty_payload_is_not_valid(bench: Any) -> None:
    assert not bench().call("network_validator", input=[])["valid"]
