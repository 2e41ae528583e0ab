from __future__ import annotations

from typing import Any

from stormproof.domain.tasks import Resource

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
    assert code == "INVALID_RESPONSE"
    assert "crm" in text
    here.call("integration_authenticator")
    assert here.call("network_fetcher") == "secret"


def test_nothing_to_fetch(bench: Any) -> None:
    assert bench().fault("network_fetcher")[0] == "NETWORK_ERROR"
