"""Which copy of a request counts."""

from stormproof.domain.calls import Ok, Refused, Reply, Request, Transient
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.pool import Ask
from stormproof.pool.hedging import Race
from stormproof.pool.jobs import Flight, PendingRequest
from stormproof.pool.scheduler import Scheduler

OK = Ok(Reply("hello"))


async def play(ask: Ask) -> None:
    del ask


def race() -> tuple[Race, Flight, Flight]:
    """A request that flies at two endpoints since the instants 0 and 5."""
    endpoints = [
        Endpoint(f"e{n}", n, "m", "p", "openai", "http://x", "d", "env:K") for n in range(2)
    ]
    scheduler = Scheduler(endpoints, "fixed")
    scheduler.open_at(0.0)
    job = scheduler.grants.begin(scheduler.lanes[0], play)
    pending = scheduler.ask(job, Request("t", 0, "m", ()), 0.0)
    assert pending.flight
    copy = second_copy(scheduler, pending)
    assert copy.flight
    running = Race(pending)
    for flight in (pending.flight, copy.flight):
        running.started(flight)
    assert pending.hedged
    return running, pending.flight, copy.flight


def second_copy(scheduler: Scheduler, pending: PendingRequest) -> PendingRequest:
    assert pending.flight
    copy = pending.copy(5.0, pending.flight.lane)
    scheduler.queue_copy(copy, 5.0)
    while scheduler.next_wake() < 10.0:
        scheduler.wake(scheduler.next_wake())
    return copy


def test_the_first_answer_wins_and_the_others_endpoint_hears_how_long_it_had() -> None:
    running, first, second = race()
    assert first.lane is not second.lane
    first.lane.latency_p99_s = 1.0
    assert running.ended(second, OK)
    assert running.result(7.0) == (second, OK)
    assert (first.lane.hedges, second.lane.hedges) == (1, 0)
    assert first.lane.latency_p99_s > 1.0


def test_a_copy_that_fails_leaves_the_race_to_the_other() -> None:
    running, first, second = race()
    assert not running.ended(first, Refused("429"))
    assert running.ended(second, OK)
    assert running.result(7.0) == (second, OK)
    assert first.lane.hedges == 0


def test_when_all_have_failed_the_last_one_says_why() -> None:
    running, first, second = race()
    assert not running.ended(second, Refused("429"))
    assert running.ended(first, Transient("502"))
    assert running.result(7.0) == (first, Transient("502"))


def test_no_copy_goes_where_a_shared_limit_has_no_room_for_it() -> None:
    key = LimitGroup("key", Limits(max_workers=1))
    endpoints = [
        Endpoint(f"e{n}", n, "m", "p", "openai", "http://x", "d", "env:K", groups=(key,))
        for n in range(2)
    ]
    scheduler = Scheduler(endpoints, "fixed")
    scheduler.open_at(0.0)
    job = scheduler.grants.begin(scheduler.lanes[0], play)
    pending = scheduler.ask(job, Request("t", 0, "m", ()), 0.0)
    copy = second_copy(scheduler, pending)
    assert scheduler.decided == [pending]
    assert pending.flight
    scheduler.hear(pending.flight, Transient("502"), 6.0)
    scheduler.pause(job)
    scheduler.wake(scheduler.next_wake())
    assert scheduler.decided == [pending, copy]
