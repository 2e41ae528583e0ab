"""Supplies as they come: strict levels, a shard whose endpoint is dead, 50,000 that wait."""

from __future__ import annotations

import time
from collections import Counter

import anyio
import trio
import trio.testing

from stormproof.domain.calls import Denied, Ok, Refused, Reply, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint, Limits
from stormproof.domain.trials import Trial
from stormproof.plan import RunOptions, TrialSupply, plan_run
from stormproof.pool import Ask, Dispatcher, Job
from stormproof.pool.bounds import Bounds
from stormproof.pool.scheduler import Scheduler
from stormproof.pool.tail import FEWEST

MODEL = "qwen2.5-72b-instruct"
WAITING = 50_000
CPU_PER_OP_S = 300e-6  # a slow machine, other work beside; a scan of all that waits takes 5 ms


def endpoint(number: int, model: str = MODEL, workers: int = 4) -> Endpoint:
    return Endpoint(
        f"e{number}", number, model, "p", "openai", "http://x", "d", "env:K",
        limits=Limits(max_workers=workers),
    )  # fmt: skip


class Wire:
    """Answers in a second; the endpoint with the number `dead` refuses our key."""

    def __init__(self, dead: int | None = None) -> None:
        self.dead = dead
        self.served = Counter[int]()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del request, timeout_s, attempt
        await anyio.sleep(1)
        if endpoint.number == self.dead:
            return Denied("401: bad key")
        self.served[endpoint.number] += 1
        return Ok(Reply("hello"))


class Trials:
    """A plan's trials as jobs of two calls each; tells what ran at which level, and when."""

    def __init__(self, options: RunOptions) -> None:
        self.plan = plan_run(options)
        self.supply = TrialSupply(self.plan)
        self.begun: list[float | None] = []
        self.ended: list[float | None] = []
        self.left_below: list[int] = []  # trials of earlier levels not ended, at each beginning

    def take(self, model: str, shard: int | None) -> Job | None:
        trial = self.supply.take(model, shard)
        return None if trial is None else self._job(trial)

    def _job(self, trial: Trial) -> Job:
        rate = trial.condition.tool_success_rate

        async def job(ask: Ask) -> None:
            earlier = [x for x in self.begun if x != rate]
            self.left_below.append(len(earlier) - len([x for x in self.ended if x != rate]))
            self.begun.append(rate)
            try:
                for turn in range(2):
                    await ask(Request(trial.trial_id, turn, trial.model, ()))
            finally:
                self.ended.append(rate)
                self.supply.ended(trial)

        return job

    def remaining(self, model: str) -> int:
        return self.supply.remaining(model)


def simulate(dispatcher: Dispatcher, work: Trials) -> None:
    async def main() -> None:
        await dispatcher.run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_strict_levels_begin_only_when_the_one_before_has_ended() -> None:
    options = RunOptions(models=(MODEL,), scenarios=("5.4",), num_instances=2, strict_levels=True)
    work = Trials(options)
    simulate(Dispatcher([endpoint(0), endpoint(1)], Wire()), work)
    assert len(work.ended) == work.plan.planned
    assert len(set(work.ended)) > 2
    assert set(work.left_below) == {0}


def test_even_shards_of_a_dead_endpoint_are_done_by_the_others() -> None:
    options = RunOptions(models=(MODEL,), prompt_types=("optimal",), num_instances=12)
    work, wire = Trials(options), Wire(dead=1)
    dispatcher = Dispatcher([endpoint(n) for n in range(3)], wire, sharding="even")
    simulate(dispatcher, work)
    assert len(work.ended) == work.plan.planned == 60
    assert sum(wire.served.values()) == 2 * 60
    assert min(wire.served[0], wire.served[2]) >= 40  # its own share, and a part of the orphans
    assert dispatcher.snapshot()[1].state == "stopped: 401: bad key"


async def play(ask: Ask) -> None:
    del ask


def test_fifty_thousand_waiting_requests_cost_no_more_each_and_wake_one_at_a_time() -> None:
    scheduler = Scheduler([endpoint(n, "m", 50) for n in range(4)], "fixed")
    scheduler.open_at(0.0)
    lanes = scheduler.models["m"].lanes
    began = time.process_time()
    asked = []
    for number in range(WAITING):
        job = scheduler.grants.begin(lanes[number % 4], play)
        asked.append(scheduler.ask(job, Request("t", number % 20, "m", ()), 0.0))
    flying = [w for w in asked if w.flight]
    assert len(flying) == 200
    for at in range(5_000):  # each end of a send grants one slot to one request, not a look to all
        flight = flying[at].flight
        assert flight
        before = scheduler.models["m"].waiting
        scheduler.hear(flight, Ok(Reply("hello")), float(at))
        assert scheduler.models["m"].waiting == before - 1
        if at % 200 == 199:
            known = set(map(id, flying))
            flying += [w for w in asked if w.flight and id(w) not in known]
    assert time.process_time() - began < CPU_PER_OP_S * (WAITING + 5_000)


def test_gates_and_lost_requests_are_told() -> None:
    class Troubled(Wire):
        """Refuses for the first minute; one request after many is never answered."""

        hung = False
        answered = 0

        async def send(
            self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
        ) -> Verdict:
            if trio.current_time() < began[0] + 60:
                return Refused("429")
            self.answered += 1
            if not self.hung and self.answered > 2 * FEWEST:
                self.hung = True
                await anyio.sleep(timeout_s)
                return Transient("timeout")
            return await super().send(endpoint, request, timeout_s=timeout_s, attempt=attempt)

    began: list[float] = []
    work = Trials(RunOptions(models=(MODEL,), prompt_types=("optimal",), num_instances=7))
    dispatcher = Dispatcher([endpoint(0)], Troubled(), bounds=Bounds(lost_floor_s=30))

    async def main() -> None:
        began.append(trio.current_time())
        await dispatcher.run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    kinds = [e.kind for e in dispatcher.events]
    assert sorted(kinds[:2]) == ["closed", "trouble"]  # whichever is sure of it first
    assert kinds[2:] == ["opened", "lost"]
    assert "refusals" in [e.text.split(":")[0] for e in dispatcher.events]
