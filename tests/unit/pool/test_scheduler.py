"""The scheduler alone: no tasks, no clock."""

from math import inf

import pytest

from stormproof.domain.calls import Request
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.pool.lane import Lane, ModelQueue
from stormproof.pool.queue import Running, Waiting
from stormproof.pool.scheduler import STARTS, Scheduler


def endpoint(number: int, *groups: LimitGroup, model: str = "m", **limits: int) -> Endpoint:
    return Endpoint(
        f"{model}{number}", number, model, "p", "openai", "http://x", "d", "env:K",
        limits=Limits(**limits),
        groups=groups,
    )  # fmt: skip


def ask(scheduler: Scheduler, now: float = 0.0, model: str = "m", lane: int = 0) -> Waiting:
    running = Running(model, scheduler.models[model].lanes[lane], pinned=False)
    waiting = Waiting(running, Request("t", 1, model, ()), 1.0)
    scheduler.enqueue(waiting, now)
    return waiting


def test_a_free_slot_is_granted_at_once_and_the_least_loaded_first() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], "fixed")
    scheduler.open_at(0.0)
    grants = [ask(scheduler) for _ in range(5)]
    numbers = [g.granted[0].endpoint.number for g in grants if g.granted]
    assert numbers == [0, 1, 0, 1]
    assert scheduler.models["m"].waiting() == 1


def test_a_retry_goes_elsewhere_where_it_can() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], "fixed")
    scheduler.open_at(0.0)
    first, second = scheduler.models["m"].lanes
    waiting = Waiting(Running("m", first, pinned=False), Request("t", 1, "m", ()), 1.0)
    waiting.avoid.add(first)
    scheduler.enqueue(waiting, 0.0)
    assert waiting.granted
    assert waiting.granted[0] is second


def test_a_paced_lane_asks_to_be_woken() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=9, qps=1)], "fixed")
    scheduler.open_at(0.0)
    waiting = [ask(scheduler) for _ in range(3)]
    assert [bool(w.granted) for w in waiting] == [True, False, False]
    assert scheduler.next_wake() == pytest.approx(1.0, abs=0.05)
    scheduler.wake(scheduler.next_wake())
    assert [bool(w.granted) for w in waiting] == [True, True, False]


def test_a_shared_permit_is_taken_at_every_level_or_not_at_all() -> None:
    key = LimitGroup("key", Limits(max_workers=3))
    scheduler = Scheduler([endpoint(0, key), endpoint(1, key)], "fixed")
    scheduler.open_at(0.0)
    granted = [w for w in (ask(scheduler) for _ in range(10)) if w.granted]
    assert len(granted) == 3
    lanes = scheduler.models["m"].lanes
    assert sum(lane.controller.in_flight for lane in lanes) == 3
    assert lanes[0].groups[0] is lanes[1].groups[0]


def test_jobs_are_begun_for_idle_slots_only_and_few_ahead() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=50)], "fixed")
    begun = list[str]()

    def begin(model: ModelQueue, lane: Lane) -> bool:
        begun.append(f"{model.name} for {lane.place}")
        return True

    scheduler.begin = begin
    scheduler.open_at(0.0)
    assert len(begun) == STARTS


def test_a_stopped_lane_hands_its_own_requests_over() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=1), endpoint(1, max_workers=1)], "fixed")
    scheduler.open_at(0.0)
    first = scheduler.models["m"].lanes[0]
    pinned = Running("m", first, pinned=True)
    waits = [Waiting(pinned, Request("t", 1, "m", ()), 1.0) for _ in range(3)]
    for waiting in waits:
        scheduler.enqueue(waiting, 0.0)
    assert [bool(w.granted) for w in waits] == [True, False, False]
    assert scheduler.stop(first, "401", 0.0) == []
    assert [w.granted[0].endpoint.number for w in waits if w.granted] == [0, 1]
    orphans = scheduler.stop(scheduler.models["m"].lanes[1], "401", 0.0)
    assert orphans == [waits[2]]
    assert first.ready_at(0.0) == inf
