"""Second copies of stragglers race the first, on trio's mock clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import anyio
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_work import Work

from stormproof.domain.calls import (
    Blocked,
    Ok,
    Refused,
    Rejected,
    Reply,
    Request,
    Transient,
    Verdict,
)
from stormproof.domain.pool import Endpoint, LimitGroup, Limits, Sharding
from stormproof.errors import PromptBlocked, TransientFailure
from stormproof.pool import Dispatcher, Hedge
from stormproof.pool.bounds import Bounds

CAP = 10
SLOW_S = 400.0  # of a straggler; 1 s otherwise


def endpoint(number: int, *groups: LimitGroup) -> Endpoint:
    return Endpoint(
        f"m{number}", number, "m", "p", "openai", "http://x", "d", "env:K",
        limits=Limits(max_workers=CAP), groups=groups,
    )  # fmt: skip


class Wire:
    """Scripted replies; a share of the first sends straggles. Counts what flies and how it ends."""

    def __init__(
        self, seed: int = 0, straggle: float = 0.01, second: Verdict | None = None
    ) -> None:
        self.rng = Random(seed)
        self.straggle = straggle
        self.second = second  # what second copies come to; an answer if None
        self.flying = Counter[int]()
        self.sends = Counter[str]()
        self.copies_at: list[tuple[float, int]] = []  # when, and how many requests waited then
        self.cancelled = 0
        self.began = 0.0
        self.waiting: Callable[[], int] = lambda: 0

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del attempt
        name = f"{request.trial_id}/{request.turn}"
        again = self.sends[name] > 0
        self.sends[name] += 1
        self.flying[endpoint.number] += 1
        assert self.flying[endpoint.number] <= CAP
        if again:
            self.copies_at.append((trio.current_time(), self.waiting()))
        try:
            slow = not again and self.rng.random() < self.straggle
            await anyio.sleep(min(timeout_s, SLOW_S) if slow else self.rng.uniform(0.5, 1.5))
            if slow and timeout_s < SLOW_S:
                return Transient("no whole answer in time")
            if again and self.second is not None:
                return self.second
            return Ok(Reply(f"the answer to {name}"))
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.flying[endpoint.number] -= 1


def simulate(
    wire: Wire,
    work: Work,
    hedge: Hedge = "all",
    *,
    endpoints: int = 3,
    sharding: Sharding = "dynamic",
    groups: tuple[LimitGroup, ...] = (),
    lost_s: float = 1000,
) -> tuple[Dispatcher, float]:
    async def main() -> tuple[Dispatcher, float]:
        dispatcher = Dispatcher(
            [endpoint(n, *groups) for n in range(endpoints)],
            wire,
            hedge=hedge,
            sharding=sharding,
            bounds=Bounds(request_timeout_s=3000, lost_floor_s=lost_s),
        )
        wire.waiting = lambda: dispatcher._scheduler.models["m"].waiting
        wire.began = trio.current_time()
        await dispatcher.run(work)
        return dispatcher, trio.current_time() - wire.began

    dispatcher, took_s = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert all(state.in_flight == 0 for state in dispatcher.snapshot())
    assert not any(wire.flying.values())
    return dispatcher, took_s


@pytest.mark.parametrize("seed", range(4))
def test_stragglers_are_overtaken_and_the_records_are_the_same(seed: int) -> None:
    plain_work, work, wire = Work(400, 3), Work(400, 3), Wire(seed)
    _, plain_s = simulate(Wire(seed), plain_work, "none")
    dispatcher, took_s = simulate(wire, work)
    assert took_s < 0.5 * plain_s
    assert work.said == plain_work.said
    assert len(work.answers) == 1200
    hedges = sum(state.hedges for state in dispatcher.snapshot())
    assert wire.cancelled == hedges == sum(a.hedged for a in work.answers) > 0
    assert sum(wire.sends.values()) == sum(a.attempts for a in work.answers) == 1200 + hedges
    assert not work.errors


def test_copies_use_idle_room_alone() -> None:
    wire = Wire(straggle=0.05)
    simulate(wire, Work(400, 3))
    assert wire.copies_at
    assert all(waiting == 0 for _, waiting in wire.copies_at)


def test_a_shared_permit_is_left_to_what_waits() -> None:
    key = LimitGroup("key k", Limits(max_workers=CAP))
    work, wire = Work(200, 3), Wire(straggle=0.05)
    simulate(wire, work, groups=(key,))
    assert len(work.answers) == 600
    assert wire.copies_at
    assert all(waiting == 0 for _, waiting in wire.copies_at)


@pytest.mark.parametrize("second", [Refused("429"), Transient("503"), Rejected("400")])
def test_a_copy_that_fails_leaves_the_race_to_the_first(second: Verdict) -> None:
    work, wire = Work(60, 3), Wire(straggle=0.1, second=second)
    simulate(wire, work)
    assert len(work.answers) == 180
    assert not work.errors
    assert wire.cancelled < len(wire.copies_at)


def test_a_conversation_that_cannot_go_on_ends_its_race() -> None:
    work, wire = Work(30, 3), Wire(straggle=0.1, second=Blocked("400: content_filter"))
    simulate(wire, work)
    assert work.errors
    assert all(isinstance(error, PromptBlocked) for error in work.errors)


def test_even_shards_keep_to_their_endpoint() -> None:
    work, wire = Work(90, 3), Wire(straggle=0.05)
    simulate(wire, work, sharding="even", lost_s=300)
    assert len(work.answers) == 270
    assert all(answer.hedged == (answer.attempts > 1) for answer in work.answers)
    assert wire.copies_at  # of what was lost, on the same endpoint
    assert min(at for at, _ in wire.copies_at) - wire.began >= 300


def test_the_only_endpoint_gets_no_second_copy() -> None:
    work, wire = Work(60, 3), Wire(straggle=0.05)
    simulate(wire, work, "none", endpoints=1)
    alone, alone_wire = Work(60, 3), Wire(straggle=0.05)
    simulate(alone_wire, alone, endpoints=1)
    assert not any(answer.attempts > 1 for answer in work.answers)
    assert alone.said == work.said


def test_draining_begins_no_copies() -> None:
    work, wire = Work(400, 3), Wire(straggle=0.3)

    async def main() -> None:
        dispatcher = Dispatcher([endpoint(n) for n in range(3)], wire, hedge="all")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dispatcher.run, work)
            await anyio.sleep(1)
            sent = sum(wire.sends.values())
            dispatcher.drain()
        assert sum(wire.sends.values()) == sent > 0

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


class Fickle(Wire):
    """Any verdict after any time."""

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del attempt
        self.flying[endpoint.number] += 1
        assert self.flying[endpoint.number] <= CAP
        try:
            if endpoint.number:
                straggles = self.rng.random() < self.straggle
                await anyio.sleep(min(timeout_s, SLOW_S if straggles else self.rng.uniform(0, 2)))
                fate = self.rng.choice([None, None, Refused("429"), Transient("503")])
                if fate is not None:
                    return fate
            await anyio.sleep(self.rng.choice([0, 0.1, 1]))
            return Ok(Reply(f"the answer to {request.trial_id}/{request.turn}"))
        finally:
            self.flying[endpoint.number] -= 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    straggle=st.sampled_from([0.02, 0.2, 0.6]),
    groups=st.sampled_from([(), (LimitGroup("key k", Limits(max_workers=7)),)]),
)
def test_whatever_copies_come_to_each_turn_is_answered_once(
    seed: int, straggle: float, groups: tuple[LimitGroup, ...]
) -> None:
    work = Work(40, 3)
    simulate(Fickle(seed, straggle), work, groups=groups)
    assert len(work.said) == 40
    assert all(isinstance(error, TransientFailure) for error in work.errors)
    assert len(work.answers) >= 3 * (40 - len(work.errors))
    for number, said in work.said.items():
        assert said == [f"the answer to {number}/{turn}" for turn in range(len(said))]
