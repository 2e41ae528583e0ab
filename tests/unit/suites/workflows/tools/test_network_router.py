from __future__ import annotations

from typing import Any


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
