from __future__ import annotations

from typing import Any

from stormproof.domain.tasks import Resource


def test_states_of_all_or_one(bench: Any) -> None:
    here = bench(resources={"https://a.b/ok": "yes", "https://a.b/bad": Resource(500, "")})
    assert here.call("network_monitor") == [
        {"url": "https://a.b/ok", "status": 200, "healthy": True, "bytes": 3},
        {"url": "https://a.b/bad", "status": 500, "healthy": False, "bytes": 0},
    ]
    assert len(here.call("network_monitor", url="https://a.b/bad")) == 1


def test_nothing_to_watch(bench: Any) -> None:
    assert bench().fault("network_monitor")[0] == "NETWORK_ERROR"
