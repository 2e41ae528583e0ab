"""The scheduler alone: no tasks, no clock."""

from math import inf

from asked_scheduler import Endless, ask, endpoint

from stormproof.domain.calls import Ok, Reply, Request, Transient
from stormproof.pool.scheduler import Scheduler


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
