from __future__ import annotations

from typing import Any

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.world import Post

URL = "https://api.example.com/orders"


def test_the_latest_data_arrives(bench: Any) -> None:
    here = bench(resources={URL: ""})
    here.call("data_processing_parser", input='[{"a": 1}]')
    assert here.call("network_poster", url=URL) == {"url": URL, "status": 201, "post": 1}
    assert here.world.posts == [Post(URL, [{"a": 1}])]


def test_a_session_may_be_needed_and_a_refused_post_leaves_no_trace(bench: Any) -> None:
    here = bench(resources={URL: Resource(200, "", credential="crm")}, credentials={"crm": "pw"})
    assert here.fault("network_poster", url=URL, input={"a": 1})[0] == "INVALID_RESPONSE"
    assert here.world.posts == []
    here.call("integration_authenticator", service="crm")
    here.call("network_poster", url=URL, input={"a": 1})
    assert len(here.world.posts) == 1


def test_wrong_addresses_are_told(bench: Any) -> None:
    here = bench(resources={URL: ""})
    assert here.fault("network_poster", input="x y")[0] == "INVALID_INPUT"
    assert here.fault("network_poster", url="https://x.org", input="x y")[0] == "NETWORK_ERROR"
