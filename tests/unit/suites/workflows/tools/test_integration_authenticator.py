from __future__ import annotations

from typing import Any


def test_sessions_open_one_after_another_and_are_always_the_same(bench: Any) -> None:
    here, again = (bench(credentials={"crm": "a", "erp": "b"}) for _ in range(2))
    first, second = (here.call("integration_authenticator") for _ in range(2))
    assert (first["service"], second["service"]) == ("crm", "erp")
    assert first["session"] != second["session"]
    assert here.world.sessions == {"crm": first["session"], "erp": second["session"]}
    assert again.call("integration_authenticator", service="erp") == second


def test_the_secret_is_never_shown(bench: Any) -> None:
    here = bench(credentials={"crm": "hunter2"})
    assert "hunter2" not in str(here.call("integration_authenticator"))


def test_unknown_services_are_told(bench: Any) -> None:
    assert bench().fault("integration_authenticator")[0] == "OPERATION_FAILED"
    here = bench(credentials={"crm": "a"})
    code, text = here.fault("integration_authenticator", service="hr")
    assert code == "INVALID_INPUT"
    assert "crm" in text
