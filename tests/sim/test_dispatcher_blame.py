"""Whose trouble it is, and for how long it is borne; on trio's mock clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import anyio
import pytest
import trio
import trio.testing
from simulated_work import Work

from stormproof.domain.calls import (
    Blocked,
    Denied,
    Ok,
    Overlong,
    Refused,
    Rejected,
    Reply,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint, LimitGroup, Limits, Sharding
from stormproof.errors import (
    AuthFailed,
    ContextOverflow,
    PromptBlocked,
    RateLimited,
    RequestRejected,
    TransientFailure,
)
from stormproof.pool import Dispatcher, Event
from stormproof.pool.bounds import Bounds

Says = Callable[[int, float, Request], Verdict | None]  # endpoint, seconds since the start


class Wire:
    """Says after a tenth of a second what `says` has, else "hello"."""

    def __init__(self, says: Says) -> None:
        self.says = says
        self.began = 0.0
        self.sends = Counter[int]()
        self.sends_of = Counter[str]()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del timeout_s, attempt
        self.sends[endpoint.number] += 1
        self.sends_of[request.trial_id] += 1
        await anyio.sleep(0.1)
        said = self.says(endpoint.number, trio.current_time() - self.began, request)
        return Ok(Reply("hello")) if said is None else said


def simulate(
    says: Says,
    work: Work,
    endpoints: int = 1,
    sharding: Sharding = "dynamic",
    groups: tuple[LimitGroup, ...] = (),
    max_wait_s: float = 0.0,
    workers: int = 10,
) -> tuple[Dispatcher, Wire, float, dict[str, float]]:
    """Run to the end: also how long it took, and when a person was first told of each endpoint."""
    wire, said_at = Wire(says), dict[str, float]()

    def hear(event: Event) -> None:
        if event.kind == "trouble":
            said_at.setdefault(event.subject, trio.current_time() - wire.began)

    async def main() -> tuple[Dispatcher, float]:
        wire.began = trio.current_time()
        pool = [
            Endpoint(
                f"m{n}", n, "m", "p", "openai", "http://x", "d", f"env:K{n}",
                limits=Limits(max_workers=workers), groups=groups,
            )
            for n in range(endpoints)
        ]  # fmt: skip
        bounds = Bounds(max_wait_s=max_wait_s)
        dispatcher = Dispatcher(pool, wire, sharding=sharding, bounds=bounds, on_event=hear)
        await dispatcher.run(work)
        return dispatcher, trio.current_time() - wire.began

    dispatcher, took_s = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return dispatcher, wire, took_s, said_at


@pytest.mark.parametrize("sharding", ["dynamic", "even"])
def test_what_one_endpoint_rejects_another_answers_and_the_one_is_named(
    sharding: Sharding,
) -> None:
    work = Work(200, 2)
    dispatcher, wire, took_s, said_at = simulate(
        lambda number, *_: Rejected("HTTP 400: tools?") if number == 1 else None, work, 2, sharding
    )
    assert (work.done, work.errors) == (200, [])
    assert took_s < 10  # the share of the one that rejects goes to the other
    assert wire.sends[1] <= 40
    (_, rejecting) = dispatcher.snapshot()
    assert rejecting.state == "closed: HTTP 400: tools?"
    assert said_at["m1"] < 4


@pytest.mark.parametrize("sharding", ["dynamic", "even"])
def test_an_endpoint_whose_first_requests_are_rejected_is_asked_again_by_canaries(
    sharding: Sharding,
) -> None:
    """Its server was given the wrong model, say, and is mended while the run goes on."""
    work = Work(2000, 2)
    dispatcher, wire, _, _ = simulate(
        lambda number, at, _: Rejected("HTTP 400: tools?") if number and at < 10 else None,
        work,
        2,
        sharding,
    )
    assert (work.done, work.errors) == (2000, [])
    assert all(state.accepted > 500 for state in dispatcher.snapshot())
    assert wire.sends[1] - dispatcher.snapshot()[1].accepted <= 40


def test_an_endpoint_that_goes_on_rejecting_is_given_up_in_time() -> None:
    work = Work(4000, 2)
    dispatcher, wire, took_s, _ = simulate(
        lambda number, *_: Rejected("HTTP 400: tools?") if number else None, work, 2, workers=2
    )
    assert (work.done, work.errors) == (4000, [])
    assert took_s > 300
    assert dispatcher.snapshot()[1].stopped == "nothing else in 5 min: HTTP 400: tools?"
    assert wire.sends[1] <= 200


@pytest.mark.parametrize("sharding", ["dynamic", "even"])
def test_the_last_request_finds_the_other_endpoint_under_a_shared_limit_too(
    sharding: Sharding,
) -> None:
    shared = (LimitGroup("provider p", Limits(max_workers=20)),)
    work = Work(2, 2)
    _, _, took_s, _ = simulate(
        lambda number, *_: Rejected("HTTP 400") if number == 0 else None, work, 3, sharding, shared
    )
    assert (work.done, work.errors) == (2, [])
    assert took_s < 5


def test_a_request_that_all_reject_is_asked_of_each_once() -> None:
    def says(_: int, __: float, request: Request) -> Verdict | None:
        return Rejected("HTTP 413") if request.trial_id == "m/5" else None

    work = Work(40, 2)
    _, wire, _, _ = simulate(says, work, 3)
    assert work.done == 39
    assert [type(error) for error in work.errors] == [RequestRejected]
    assert wire.sends_of["m/5"] == 3


def test_where_every_endpoint_rejects_the_first_requests_the_model_stops_in_seconds() -> None:
    work = Work(1000, 2)
    dispatcher, wire, took_s, _ = simulate(lambda *_: Rejected("HTTP 422: no"), work, 2)
    assert took_s < 5
    assert wire.sends.total() < 30
    assert work.left > 970  # not begun
    assert all("HTTP 422: no" in error.message for error in work.errors)
    assert all(state.stopped for state in dispatcher.snapshot())


@pytest.mark.parametrize(
    "trouble", [Denied("HTTP 401"), Denied("HTTP 404"), Refused("insufficient_quota", quota=True)]
)
def test_what_a_served_endpoint_says_for_two_minutes_is_waited_for(trouble: Verdict) -> None:
    def says(_: int, at: float, __: Request) -> Verdict | None:
        return trouble if 5 < at < 125 else None

    work = Work(1500, 2)
    dispatcher, wire, _, said_at = simulate(says, work)
    assert (work.done, work.errors) == (1500, [])
    assert wire.sends.total() < 3000 + 75  # canaries, not a storm
    assert dispatcher.snapshot()[0].stopped == ""
    assert 5 < said_at["m0"] < 15


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(Denied("HTTP 401"), AuthFailed), (Refused("insufficient_quota", quota=True), RateLimited)],
)
def test_what_it_says_for_more_than_five_minutes_is_believed(trouble: Verdict, kind: type) -> None:
    work = Work(5000, 2)
    dispatcher, _, took_s, _ = simulate(lambda _, at, __: trouble if at > 5 else None, work)
    assert 305 < took_s < 345
    assert work.errors
    assert all(type(error) is kind for error in work.errors)
    assert work.left > 1000
    assert dispatcher.snapshot()[0].stopped.startswith("nothing else in 5 min: ")


def test_where_nothing_was_ever_reached_the_reason_comes_at_once_and_the_end_in_a_minute() -> None:
    why = "cannot connect to localhost:9: Connection refused"
    work = Work(5000, 2)
    dispatcher, _, took_s, said_at = simulate(lambda *_: Transient(why, unreached=True), work, 2)
    assert max(said_at.values()) < 5
    assert 60 < took_s < 65
    assert work.left > 4900
    assert all(type(error) is TransientFailure and why in error.message for error in work.errors)
    assert all(why in state.stopped for state in dispatcher.snapshot())


def test_an_outage_of_what_has_served_is_waited_for_though_nothing_is_reached() -> None:
    def says(_: int, at: float, __: Request) -> Verdict | None:
        return Transient("cannot connect", unreached=True) if 5 < at < 605 else None

    work = Work(800, 2)
    simulate(says, work)
    assert (work.done, work.errors) == (800, [])


def test_no_trial_is_bought_more_often_than_it_may_be_tried() -> None:
    work = Work(12, 2)
    page = Transient("HTTP 200 with 9 bytes of text/html", paid=True)
    dispatcher, wire, _, _ = simulate(lambda *_: page, work, 2)
    assert max(wire.sends_of.values()) <= 6
    assert sum(state.discarded for state in dispatcher.snapshot()) == wire.sends.total()


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [(Overlong("HTTP 400"), ContextOverflow), (Blocked("HTTP 400"), PromptBlocked)],
)
def test_a_conversation_that_cannot_go_on_ends_at_once(verdict: Verdict, kind: type) -> None:
    work = Work(20, 2)
    _, wire, _, _ = simulate(lambda _, __, asked: verdict if asked.turn else None, work, 2)
    assert [type(error) for error in work.errors] == [kind] * 20
    assert wire.sends.total() == 40


def test_a_first_prompt_that_fits_nowhere_is_no_result_and_says_what_to_do() -> None:
    work = Work(1000, 2)
    _, _, took_s, _ = simulate(lambda *_: Overlong("HTTP 400: 4096 tokens"), work)
    assert took_s < 5
    assert work.left > 970
    assert all("serve it with a larger context" in error.message for error in work.errors)
    assert ContextOverflow not in map(type, work.errors)


def test_in_fixed_mode_a_declared_rate_is_used_whole_however_long_answers_take() -> None:
    class Slow(Wire):
        async def send(self, *asked: object, **more: object) -> Verdict:
            del asked, more
            self.sends[0] += 1
            await anyio.sleep(20)
            return Ok(Reply("hello"))

    async def main() -> float:
        limits = Limits(rpm=600)
        endpoint = Endpoint("m", 0, "m", "p", "openai", "http://x", "d", "env:K", limits=limits)
        began = trio.current_time()
        work = Work(1500, 2)
        await Dispatcher([endpoint], Slow(lambda *_: None), rate_mode="fixed").run(work)
        assert work.done == 1500
        return trio.current_time() - began

    took_s = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert took_s < 3000 / 10 + 60  # 3,000 calls at 10 a second; with eight slots 7,500 s


def a_day(seconds: float, ends_at: float) -> Verdict | None:
    """Used up after two seconds, until `ends_at`."""
    if not 2 < seconds < ends_at:
        return None
    return Refused("429 per day", 60.0, of_a_day=True, resumes_in_s=ends_at - seconds)


def test_a_days_quota_that_is_used_up_ends_the_model_at_once_and_says_so() -> None:
    work = Work(500, 2)
    _, wire, took_s, _ = simulate(lambda _n, seconds, _r: a_day(seconds, 20_000), work)
    assert took_s < 5
    assert wire.sends[0] < 250
    assert work.done > 50
    assert "429 per day (--max-wait)" in str(work.errors[0])
    assert {type(error) for error in work.errors} == {RateLimited}


def test_a_days_quota_is_waited_for_where_that_is_asked_for_and_nothing_is_lost() -> None:
    work = Work(500, 2)
    _, wire, took_s, said_at = simulate(
        lambda _n, seconds, _r: a_day(seconds, 20_000), work, max_wait_s=20_000
    )
    assert (work.done, work.errors) == (500, [])
    assert 20_000 < took_s < 20_100
    assert wire.sends[0] < 1030
    assert said_at["m0"] < 3


def test_a_day_of_which_nobody_says_the_end_is_asked_for_now_and_then() -> None:
    work = Work(500, 2)
    _, wire, took_s, _ = simulate(
        lambda _n, at, _r: Refused("429 per day", 30.0, of_a_day=True) if 2 < at < 9000 else None,
        work,
        max_wait_s=10_000,
    )
    assert (work.done, work.errors) == (500, [])
    assert 9000 < took_s < 9700
    assert wire.sends[0] < 1200


def test_another_endpoint_goes_on_while_one_rests() -> None:
    work = Work(500, 2)
    _, wire, took_s, _ = simulate(
        lambda number, at, _r: a_day(at, 20_000) if number else None, work, 2, max_wait_s=30_000
    )
    assert (work.done, work.errors) == (500, [])
    assert took_s < 100
    assert wire.sends[0] > 5 * wire.sends[1]
