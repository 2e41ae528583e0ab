"""Who gets which slot, decided without tasks and without a clock."""

import pytest
from asked_scheduler import Endless, ask, endpoint

from stormproof.domain.calls import Request
from stormproof.domain.pool import LimitGroup, Limits
from stormproof.pool.grants import STARTS
from stormproof.pool.jobs import Status
from stormproof.pool.scheduler import Scheduler


def test_a_free_slot_is_granted_at_once_and_the_least_loaded_first() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], "fixed")
    scheduler.open_at(0.0)
    grants = [ask(scheduler) for _ in range(5)]
    numbers = [g.flight.lane.endpoint.number for g in grants if g.flight]
    assert numbers == [0, 1, 0, 1]
    assert scheduler.decided == grants[:4]
    assert [g.job.status for g in grants] == [Status.FLYING] * 4 + [Status.WAITING]
    assert scheduler.models["m"].waiting == 1


def test_a_paced_lane_asks_to_be_woken() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=9, qps=1)], "fixed")
    scheduler.open_at(0.0)
    waiting = [ask(scheduler) for _ in range(3)]
    assert [bool(w.flight) for w in waiting] == [True, False, False]
    assert scheduler.next_wake() == pytest.approx(1.0, abs=0.05)
    scheduler.wake(scheduler.next_wake())
    assert [bool(w.flight) for w in waiting] == [True, True, False]


def test_a_shared_permit_is_taken_at_every_level_or_not_at_all() -> None:
    key = LimitGroup("key", Limits(max_workers=3))
    scheduler = Scheduler([endpoint(0, key), endpoint(1, key)], "fixed")
    scheduler.open_at(0.0)
    granted = [w for w in (ask(scheduler) for _ in range(10)) if w.flight]
    assert len(granted) == 3
    lanes = scheduler.models["m"].lanes
    assert sum(lane.controller.in_flight for lane in lanes) == 3
    assert lanes[0].shared[0] is lanes[1].shared[0]


def test_jobs_are_begun_for_idle_slots_only_and_few_ahead() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=50)], "fixed")
    scheduler.open_at(0.0, Endless())
    assert len(scheduler.begun) == scheduler.lanes[0].beginning == STARTS
    job = scheduler.begun[0]
    scheduler.ask(job, Request("t", 0, "m", ()), 0.0)
    assert len(scheduler.begun) == STARTS + 1
    assert scheduler.lanes[0].beginning == STARTS
