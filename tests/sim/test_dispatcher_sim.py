"""The dispatcher on trio's mock clock: hours in milliseconds, against simulated endpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from simulated_work import Work

from stormproof.domain.calls import Answer, Denied, Refused, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.errors import AuthFailed, TransientFailure
from stormproof.pool import Ask, Dispatcher, Job
from stormproof.testing import SimulatedTransport


def endpoint(number: int, model: str = "m", **limits: Any) -> Endpoint:
    groups = limits.pop("groups", ())
    return Endpoint(
        endpoint_id=f"{model}-{number}", number=number, model=model, provider="p",
        dialect="openai", base_url="http://x", deployment=f"{model}-{number}", key="env:K",
        limits=Limits(**limits), groups=groups,
    )  # fmt: skip


def simulate(dispatcher_of: Callable[[], Dispatcher], work: Work) -> float:
    """Run to the end on a mock clock; the simulated seconds it took."""

    async def main() -> float:
        started = trio.current_time()
        await dispatcher_of().run(work)
        return trio.current_time() - started

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_every_job_runs_once_and_the_run_ends() -> None:
    work, wire = Work(200, 3), SimulatedTransport()
    simulate(lambda: Dispatcher([endpoint(0), endpoint(1)], wire), work)
    assert sorted(work.said) == sorted(f"m/{n}" for n in range(200))
    assert len(wire.sends) == 600


@pytest.mark.parametrize("mode", ["fixed", "adaptive"])
def test_declared_workers_are_a_ceiling_and_are_used_in_full(mode: Any) -> None:
    work, wire = Work(400, 3), SimulatedTransport()
    seconds = simulate(
        lambda: Dispatcher([endpoint(0, max_workers=20)], wire, rate_mode=mode), work
    )
    assert wire.peak["m-0"] == 20
    assert seconds < 1.25 * 1200 * 1.133 / 20  # work over capacity, and a ramp and a tail


def test_fixed_honours_declared_qps_to_within_a_percent() -> None:
    work, wire = Work(1000, turns=1), SimulatedTransport(median_s=0.5)
    simulate(
        lambda: Dispatcher([endpoint(0, qps=20.0, max_workers=100)], wire, rate_mode="fixed"), work
    )
    times = [sent.at for sent in wire.sends]
    assert (len(times) - 1) / (times[-1] - times[0]) == pytest.approx(20, rel=0.01)


def test_a_dead_key_is_told_and_the_others_do_its_work() -> None:
    async def behaviour(endpoint: Endpoint, _: Request) -> Verdict | None:
        return Denied("401: bad key") if endpoint.number == 1 else None

    work, wire = Work(60, 3), SimulatedTransport(fault=behaviour)
    dispatcher: list[Dispatcher] = []

    def make() -> Dispatcher:
        dispatcher.append(Dispatcher([endpoint(0), endpoint(1), endpoint(2)], wire))
        return dispatcher[0]

    simulate(make, work)
    assert work.done == 60
    assert [e.subject for e in dispatcher[0].events] == ["m-1"]
    assert "stopped: 401: bad key" in [s.state for s in dispatcher[0].snapshot()]


def test_when_no_endpoint_lives_the_jobs_are_told_and_the_rest_is_not_begun() -> None:
    async def behaviour(_: Endpoint, __: Request) -> Verdict | None:
        return Denied("401")

    work = Work(100, 3)
    simulate(lambda: Dispatcher([endpoint(0)], SimulatedTransport(fault=behaviour)), work)
    assert all(isinstance(e, AuthFailed) for e in work.errors)
    assert 0 < len(work.errors) < 10
    assert work.remaining("m") == 100 - len(work.errors)


def test_refusals_for_twenty_seconds_lose_nothing() -> None:
    async def behaviour(endpoint: Endpoint, _: Request) -> Verdict | None:
        if endpoint.number == 1 and trio.current_time() < began[0] + 20:
            await anyio.sleep(0.05)
            return Refused("429")
        return None

    began: list[float] = []
    wire = SimulatedTransport(fault=behaviour)
    work = Work(100, 3)

    def make() -> Dispatcher:
        began.append(trio.current_time())
        return Dispatcher([endpoint(0, max_workers=2), endpoint(1, max_workers=2)], wire)

    simulate(make, work)
    assert work.done == 100
    late = [s for s in wire.sends if s.endpoint_id == "m-1" and s.at > began[0] + 25]
    assert len(late) > 20  # it is used again


def test_errors_spend_a_budget_of_their_own() -> None:
    async def behaviour(_: Endpoint, __: Request) -> Verdict | None:
        return Transient("200 with a web page", paid=True)

    work, wire = Work(1, 3), SimulatedTransport(fault=behaviour)
    simulate(lambda: Dispatcher([endpoint(0)], wire), work)
    assert len(wire.sends) == 6  # what may have to be paid counts, though the last is a canary
    assert [sent.attempt for sent in wire.sends] == [1, 2, 3, 4, 5, 6]  # as the provider sees them
    assert isinstance(work.errors[0], TransientFailure)


def test_even_sharding_keeps_an_episode_at_its_shard() -> None:
    work, wire = Work(90, 3), SimulatedTransport()
    simulate(
        lambda: Dispatcher([endpoint(n, max_workers=3) for n in range(3)], wire, sharding="even"),
        work,
    )
    served = {(sent.trial_id, sent.endpoint_id) for sent in wire.sends}
    assert len(served) == 90
    assert all(name == f"m-{work.shards[trial]}" for trial, name in served)


def test_stagger_starts_each_endpoint_at_its_offset() -> None:
    work, wire = Work(300, 3), SimulatedTransport()
    simulate(
        lambda: Dispatcher(
            [endpoint(n, max_workers=3) for n in range(3)], wire, stagger=(0, 30, 20)
        ),
        work,
    )
    first = {name: min(s.at for s in wire.sends if s.endpoint_id == name) for name in wire.peak}
    start = min(first.values())
    assert [round(first[f"m-{n}"] - start, 2) for n in range(3)] == [0, 30, 20]


def test_a_shared_limit_is_shared_by_models_and_never_passed() -> None:
    key = LimitGroup("key k", Limits(max_workers=6))
    work, wire = Work(150, 3, models=("a", "b")), SimulatedTransport()
    simulate(
        lambda: Dispatcher(
            [endpoint(0, "a", groups=(key,)), endpoint(1, "b", groups=(key,))], wire
        ),
        work,
    )
    names = [sent.endpoint_id for sent in wire.sends]
    half = Counter(names[: len(names) // 2])
    assert half["a-0"] == pytest.approx(half["b-1"], rel=0.1)
    assert max(wire.peak.values()) <= 6


def test_draining_begins_nothing_and_lets_what_flies_land() -> None:
    work, wire = Work(500, turns=5), SimulatedTransport(median_s=2.0)

    async def main() -> None:
        dispatcher = Dispatcher([endpoint(0, max_workers=10)], wire)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dispatcher.run, work)
            await anyio.sleep(10)
            sent = len(wire.sends)
            dispatcher.drain()
            dispatcher.drain()
            assert sent == len(wire.sends)
        assert len(wire.sends) == sent

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(work.answers) == len(wire.sends)


def test_no_more_jobs_are_begun_than_we_can_keep_up_with() -> None:
    """A slow journal: endpoints idle, yet more episodes under way would only wait with the rest."""
    work, wire = Work(2_000, turns=2), SimulatedTransport(median_s=0.1)
    slow_s, most, running = 10.0, 0, 0
    take = work.take

    def slowed(model: str, shard: int | None) -> Job | None:
        job = take(model, shard)

        async def journalled(ask: Ask) -> None:
            nonlocal most, running
            running += 1
            most = max(most, running)

            async def then_written(request: Request) -> Answer:
                answer = await ask(request)
                await anyio.sleep(slow_s)
                return answer

            assert job is not None
            await job(then_written)
            running -= 1

        return journalled if job else None

    work.take = slowed  # type: ignore[method-assign]
    simulate(lambda: Dispatcher([endpoint(0, max_workers=50)], wire), work)
    assert work.done == 2_000
    assert most <= 2 * 50 + 10


@pytest.mark.parametrize("mode", ["fixed", "adaptive"])
def test_a_bug_in_one_job_ends_the_run_without_taking_the_rest_of_the_work(mode: Any) -> None:
    taken = 0

    class Buggy:
        def take(self, model: str, shard: int | None) -> Job:
            nonlocal taken
            del model, shard
            taken += 1
            number = taken

            async def job(ask: Ask) -> None:
                await ask(Request(str(number), 0, "m", ()))
                if number == 30:
                    raise ZeroDivisionError

            return job

        def remaining(self, model: str) -> int:
            return len(model) * 50_000

    async def main() -> None:
        await Dispatcher([endpoint(0, max_workers=5)], SimulatedTransport(), rate_mode=mode).run(
            Buggy()
        )

    with pytest.raises(BaseExceptionGroup) as caught:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert caught.group_contains(ZeroDivisionError)
    assert taken < 60


def test_a_run_that_is_cancelled_from_outside_begins_nothing_more() -> None:
    work = Work(50_000, 3)

    async def main() -> None:
        with anyio.move_on_after(20):
            await Dispatcher([endpoint(0, max_workers=5)], SimulatedTransport()).run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert work.remaining("m") > 49_000
