"""Hangs, lost requests, refusals without end, and the watchdog; on trio's mock clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import anyio
import trio
import trio.testing
from simulated_work import Work

from stormproof.domain.calls import Ok, Refused, Reply, Request, Transient, Verdict
from stormproof.domain.conditions import Protocol
from stormproof.domain.pool import Endpoint, Limits
from stormproof.domain.reasons import COLLIDING
from stormproof.errors import RateLimited
from stormproof.pool import Ask, Dispatcher, Event, Hedge, Job
from stormproof.pool.bounds import Bounds
from stormproof.wire import Transport


def endpoint(number: int) -> Endpoint:
    return Endpoint(
        f"m{number}", number, "m", "p", "openai", "http://x", "d", "env:K",
        limits=Limits(max_workers=10),
    )  # fmt: skip


ANSWERED = 60  # sends, of both endpoints, before the second hangs


class Wire:
    """Endpoint 1 behaves as `trouble` says, the others answer in a second.

    `hang` is only after a while: how long answers take must be known before one can be lost.
    """

    def __init__(self, trouble: str) -> None:
        self.trouble = trouble
        self.sends = 0

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del request, attempt
        self.sends += 1
        self.hangs = self.trouble == "never" or (self.trouble == "hang" and self.sends > ANSWERED)
        if endpoint.number == 1 and self.hangs:
            await anyio.sleep(timeout_s)
            return Transient("no whole answer in time")
        if self.trouble == "fail":
            return Transient("connection refused")
        if self.trouble == "no JSON":
            return Transient("HTTP 500: Expecting value")
        if endpoint.number == 1 and self.trouble == "refuse":
            await anyio.sleep(0.1)
            return Refused("429")
        await anyio.sleep(1)
        return Ok(Reply("hello"))


def simulate(
    numbers: list[int],
    wire: Transport,
    work: Work,
    hedge: Hedge = "lost",
    on_event: Callable[[Event], None] | None = None,
) -> Dispatcher:
    bounds = Bounds(request_timeout_s=3000)
    made: list[Dispatcher] = []

    async def main() -> None:
        endpoints = [endpoint(n) for n in numbers]
        made.append(Dispatcher(endpoints, wire, hedge=hedge, bounds=bounds, on_event=on_event))
        await made[0].run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return made[0]


def test_what_is_lost_on_a_hanging_endpoint_is_answered_by_another_and_labelled() -> None:
    work = Work(200)
    dispatcher = simulate([0, 1], Wire("hang"), work)
    assert work.done == 200
    hanging = dispatcher.snapshot()[1]
    assert sum(answer.hedged for answer in work.answers) == hanging.hedges > 0
    assert hanging.accepted < ANSWERED
    assert hanging.false_alarms == 0


class Thinks:
    """Answers in a second, but for the request of one trial, which takes 200 s wherever it goes."""

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del endpoint, attempt
        took_s = 200.0 if request.trial_id == "m/0" else 1.0
        await anyio.sleep(min(took_s, timeout_s))
        return Ok(Reply("hello")) if took_s <= timeout_s else Transient("no whole answer in time")


def test_an_honest_answer_that_takes_longer_than_all_others_is_a_false_alarm_each_time() -> None:
    work = Work(400)
    dispatcher = simulate([0, 1], Thinks(), work)
    assert work.done == 400
    states = dispatcher.snapshot()
    early, given_up = (sum(getattr(s, name) for s in states) for name in ("false_alarms", "hedges"))
    assert early == given_up == 5  # of six tries the last one waits


def test_what_hangs_from_first_contact_goes_elsewhere_once_it_is_known_what_answers_take() -> None:
    work = Work(200)
    dispatcher = simulate([0, 1], Wire("never"), work)
    answering, hanging = dispatcher.snapshot()
    assert (work.done, answering.accepted) == (200, 200)
    assert hanging.hedges <= hanging.errors <= 12  # ten slots, and canaries


def test_without_hedging_nothing_is_sent_twice_before_its_timeout() -> None:
    work = Work(200)
    dispatcher = simulate([0, 1], Wire("hang"), work, hedge="none")
    assert sum(answer.hedged for answer in work.answers) == 0
    assert all(state.hedges == 0 for state in dispatcher.snapshot())


def test_refusals_without_end_are_told_after_the_stated_time() -> None:
    work = Work(1)
    dispatcher = simulate([1], Wire("refuse"), work)
    assert isinstance(work.errors[0], RateLimited)
    assert "15 min" in work.errors[0].message
    assert "closed: refusals" in dispatcher.snapshot()[0].state


def test_a_model_that_nobody_serves_is_given_up_after_the_stated_time() -> None:
    work = Work(100_000)
    bounds = Bounds()

    async def main() -> tuple[Dispatcher, float]:
        dispatcher = Dispatcher([endpoint(0), endpoint(1)], Wire("fail"), bounds=bounds)
        began = trio.current_time()
        await dispatcher.run(work)
        return dispatcher, trio.current_time() - began

    dispatcher, took_s = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert bounds.unserved_s < took_s < bounds.unserved_s + 2 * bounds.stuck_s
    assert work.done == 0
    assert work.left > 90_000  # not begun, rather than tried one by one for days
    assert all("connection refused" in state.state for state in dispatcher.snapshot())


def test_the_watchdog_names_what_is_stuck() -> None:
    async def main() -> list[str]:
        dispatcher = Dispatcher([endpoint(1)], Wire("hang"), bounds=Bounds(lost_floor_s=1e6))
        with trio.move_on_after(300):
            await dispatcher.run(Work(100))
        return [f"{e.kind} {e.subject} {e.text}" for e in dispatcher.events]

    lines = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert any(line.startswith("stuck m ") and "m1" in line for line in lines)


class OutOnce:
    """The only endpoint answers in half a second, but for ten minutes with nothing but 503."""

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del endpoint, request, timeout_s, attempt
        if 10 <= trio.current_time() % 1e6 - self.began < 610:
            await anyio.sleep(0.05)
            return Transient("503")
        await anyio.sleep(0.5)
        return Ok(Reply("hello"))

    began = 0.0


def test_an_outage_of_the_only_endpoint_costs_no_request() -> None:
    wire, work = OutOnce(), Work(600)

    async def main() -> None:
        wire.began = trio.current_time() % 1e6
        await Dispatcher([endpoint(0)], wire).run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert (work.done, work.errors) == (600, [])


def test_a_job_that_gives_its_request_up_while_it_waits_takes_no_slot() -> None:
    class Hasty(Work):
        """Every second job waits for half a second at most, while others hold all ten slots."""

        def take(self, model: str, shard: int | None) -> Job | None:
            job, hasty = super().take(model, shard), self.left % 2 == 1
            if job is None or not hasty:
                return job

            async def hurry(ask: Ask) -> None:
                with anyio.move_on_after(0.5):
                    await job(ask)

            return hurry

    work, wire = Hasty(40), Wire("")
    dispatcher = simulate([0], wire, work)
    assert dispatcher.running == 0
    assert wire.sends >= work.done >= 20
    assert dispatcher.snapshot()[0].in_flight == 0


def test_who_takes_our_calls_for_its_own_is_told_of_at_once() -> None:
    for protocol in get_args(Protocol):
        told: list[float] = []

        def hear(event: Event, told: list[float] = told) -> None:
            if COLLIDING in event.text:
                assert (event.kind, event.subject) == ("trouble", "m1")
                told.append(anyio.current_time())

        simulate([1], Wire("no JSON"), Work(20, protocol=protocol), on_event=hear)
        assert len(told) == (protocol == "text")
        assert all(at < 2 for at in told)
