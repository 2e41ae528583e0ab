from __future__ import annotations

from typing import Any

import pytest

from stormproof.suites.workflows.world import Schedule


def test_a_job_is_planned(bench: Any) -> None:
    here = bench()
    here.call("integration_scheduler", job="report", every="week", at="6:05")
    assert here.world.schedules == [Schedule("report", "week", "06:05")]


@pytest.mark.parametrize("at", ["25:00", "6", "noon", "12:60"])
def test_times_are_checked(bench: Any, at: str) -> None:
    here = bench()
    assert here.fault("integration_scheduler", job="report", at=at)[0] == "INVALID_INPUT"
    assert here.world.schedules == []
