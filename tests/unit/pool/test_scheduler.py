"""The scheduler alone: no tasks, no clock."""

from math import inf

import pytest

from stormproof.domain.calls import Ok, Reply, Request, Transient
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.pool import Ask, Job
from stormproof.pool.jobs import PendingRequest, Status
from stormproof.pool.scheduler import STARTS, Scheduler


def endpoint(number: int, *groups: LimitGroup, model: str = "m", **limits: int) -> Endpoint:
    return Endpoint(
        f"{model}{number}", number, model, "p", "openai", "http://x", "d", "env:K",
        limits=Limits(**limits),
        groups=groups,
    )  # fmt: skip


async def play(ask: Ask) -> None:
    del ask


class Endless:
    """A supply that always has a job."""

    def take(self, model: str, shard: int | None) -> Job:
        del model, shard
        return play

    def remaining(self, model: str) -> int:
        del model
        return 1


def ask(scheduler: Scheduler, now: float = 0.0, place: int = 0) -> PendingRequest:
    """A request of a job that was begun for the lane there."""
    job = scheduler.begin(scheduler.lanes[place], play)
    return scheduler.ask(job, Request("t", 1, job.model, ()), now)


def test_a_free_slot_is_granted_at_once_and_the_least_loaded_first() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], "fixed")
    scheduler.open_at(0.0)
    grants = [ask(scheduler) for _ in range(5)]
    numbers = [g.flight.lane.endpoint.number for g in grants if g.flight]
    assert numbers == [0, 1, 0, 1]
    assert scheduler.decided == grants[:4]
    assert [g.job.status for g in grants] == [Status.FLYING] * 4 + [Status.WAITING]
    assert scheduler.models["m"].waiting == 1


def test_a_retry_goes_elsewhere_where_it_can() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], "fixed")
    scheduler.open_at(0.0)
    first, second = scheduler.models["m"].lanes
    pending = ask(scheduler)
    assert pending.flight
    assert pending.flight.lane is first
    scheduler.hear(pending.flight, Transient("502"), 0.0)
    pending.try_again(first, failed=True)
    scheduler.pause(pending.job)
    scheduler.queue(pending, 0.0)
    assert [each.flight and each.flight.lane for each in scheduler.decided] == [second] * 2


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


def test_a_stopped_lane_hands_its_own_requests_over() -> None:
    two = [endpoint(0, max_workers=1), endpoint(1, max_workers=1)]
    scheduler = Scheduler(two, "fixed", sharding="even")
    scheduler.open_at(0.0)
    first = scheduler.models["m"].lanes[0]
    waits = [ask(scheduler) for _ in range(3)]
    assert [bool(w.flight) for w in waits] == [True, False, False]
    scheduler.stop(first, "denied", "401", 0.0)
    assert [w.flight.lane.endpoint.number for w in waits if w.flight] == [0, 1]
    scheduler.stop(scheduler.models["m"].lanes[1], "denied", "401", 0.0)
    assert [bool(w.error) for w in waits] == [False, False, True]
    assert scheduler.notices == [("stopped", "m0", "401"), ("stopped", "m1", "401")]
    assert first.ready_at(0.0) == inf


def test_a_cancelled_request_gives_its_slot_to_the_next() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=1)], "fixed")
    scheduler.open_at(0.0)
    flying, waiting, last = (ask(scheduler) for _ in range(3))
    for pending in (waiting, flying):  # one in the queue, one granted
        scheduler.withdraw(pending, 0.0)
        scheduler.work(pending.job)
    assert last.flight
    assert waiting.flight is None
    assert scheduler.lanes[0].controller.in_flight == 1


def test_a_drain_names_who_waits_and_queues_nothing_more() -> None:
    scheduler = Scheduler([endpoint(0, max_workers=1)], "fixed")
    scheduler.open_at(0.0, Endless())
    flying, waiting = ask(scheduler), ask(scheduler)
    begun = len(scheduler.begun)
    assert scheduler.drain() == [waiting.job]
    assert flying.flight
    scheduler.hear(flying.flight, Ok(Reply("hello")), 1.0)
    scheduler.work(flying.job)
    late = scheduler.ask(flying.job, Request("t", 2, "m", ()), 1.0)
    assert str(late.error).startswith("the run is ending")
    assert len(scheduler.begun) == begun
