"""Whatever endpoints do, while one of a model lives its jobs end; shared limits are shared."""

from __future__ import annotations

from collections import Counter
from random import Random

import anyio
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.domain.calls import Denied, Ok, Refused, Reply, Request, Transient, Verdict
from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.errors import TransientFailure
from stormproof.pool import Ask, Dispatcher, Job


def endpoint(number: int, model: str, groups: tuple[LimitGroup, ...] = ()) -> Endpoint:
    return Endpoint(
        f"{model}{number}", number, model, "p", "openai", "http://x", "d", "env:K", groups=groups
    )


class Moody:
    """Endpoint 0 answers, if late and after refusals; the others do as their moods say."""

    def __init__(self, moods: list[str], seed: int) -> None:
        self.moods = moods
        self.rng = Random(seed)
        self.sends = list[str]()

    async def send(
        self, endpoint: Endpoint, request: Request, *, timeout_s: float, attempt: int = 1
    ) -> Verdict:
        del request, attempt
        self.sends.append(endpoint.model)
        mood = self.moods[endpoint.number % len(self.moods)]
        took_s = self.rng.uniform(0.01, 3)
        luck = self.rng.random()
        await anyio.sleep(timeout_s if mood == "hangs" else took_s)
        if mood == "dead":
            return Denied("401")
        if mood == "hangs":
            return Transient("timeout")
        if mood == "refuses" or (mood == "fickle" and luck < 0.3):
            return Refused("429", retry_after_s=self.rng.choice([None, 1.0, 60.0]))
        return Ok(Reply("hello"))


class Work:
    def __init__(self, models: dict[str, int], turns: int = 2) -> None:
        self.left = dict(models)
        self.turns = turns
        self.ended = Counter[str]()
        self.lost = Counter[str]()

    def take(self, model: str, shard: int | None) -> Job | None:  # noqa: ARG002  the seam
        if not self.left[model]:
            return None
        self.left[model] -= 1

        async def job(ask: Ask) -> None:
            try:
                for turn in range(self.turns):
                    await ask(Request("t", turn, model, ()))
                self.ended[model] += 1
            except TransientFailure:
                self.lost[model] += 1

        return job

    def remaining(self, model: str) -> int:
        return self.left[model]


def run(dispatcher: Dispatcher, work: Work) -> None:
    async def main() -> None:
        with trio.fail_after(100_000):
            await dispatcher.run(work)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


MOODS = st.lists(st.sampled_from(["dead", "hangs", "refuses", "fickle", "well"]), max_size=3)


@settings(max_examples=25, deadline=None)
@given(moods=MOODS, seed=st.integers(0, 99), mode=st.sampled_from(["adaptive", "fixed"]))
def test_work_goes_on_while_any_endpoint_of_the_model_lives(
    moods: list[str], seed: int, mode: str
) -> None:
    wire = Moody(["fickle", *moods], seed)
    work = Work({"m": 40})
    endpoints = [endpoint(n, "m") for n in range(len(moods) + 1)]
    run(Dispatcher(endpoints, wire, rate_mode=mode), work)  # type: ignore[arg-type]
    assert work.ended["m"] + work.lost["m"] == 40
    assert work.lost["m"] <= (8 if "hangs" in moods else 0)


@pytest.mark.parametrize("shares", [{"a": 300, "b": 300}, {"a": 600, "b": 200}])
@pytest.mark.parametrize("limits", [Limits(max_workers=8), Limits(qps=4)])
def test_models_that_share_a_limit_finish_together(shares: dict[str, int], limits: Limits) -> None:
    key = (LimitGroup("key", limits),)
    wire, work = Moody(["well"], 1), Work(shares)
    run(Dispatcher([endpoint(0, "a", key), endpoint(1, "b", key)], wire), work)
    half = Counter(wire.sends[: len(wire.sends) // 2])
    due = shares["a"] / sum(shares.values())
    assert half["a"] / half.total() == pytest.approx(due, rel=0.1)
