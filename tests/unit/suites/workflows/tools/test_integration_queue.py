from __future__ import annotations

from typing import Any


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
