"""Whole runs against services with ways of their own: each model plays perfectly.

What each service says is in its own words; the sources stand in `wire.complaints`.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from functools import partial
from importlib import import_module
from math import inf
from typing import Any

import msgspec
import pytest
from fake_service import Exchange, FakeService
from msgspec.structs import replace
from perfect_model import next_words, perfect, reply

import stormproof
from stormproof import Pool, Progress, RunOptions, RunSummary
from stormproof.backends import desk
from stormproof.pool.bounds import Bounds
from stormproof.suites import Weathered
from stormproof.testing import MemoryStore

pytestmark = pytest.mark.anyio
OPTIONS = RunOptions(
    prompt_types=("optimal",),
    task_types=("simple_task",),
    difficulties=("easy",),
    tool_success_rates=(1.0,),
    num_instances=8,
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "sk-not-a-secret")


def pool_of(*urls: str) -> Pool:
    """One model, served at each address."""
    names = [f"p{n}" for n in range(len(urls))]
    keys = {"k": "env:KEY"}
    return Pool(
        providers={n: {"base_url": u, "keys": keys} for n, u in zip(names, urls, strict=True)},
        models={"m": {"deployments": [{"name": f"d-{n}", "provider": n} for n in names]}},
    )


class Ran:
    """What came of a run: its summary, its episodes, and when each notice was first seen."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.noticed_s: dict[str, float] = {}
        self.summary: RunSummary | None = None

    async def against(self, *urls: str, options: RunOptions = OPTIONS) -> RunSummary:
        summary = await stormproof.run_async(
            options, pool=pool_of(*urls), store=self.store, on_progress=self._see
        )
        self.summary = summary
        return summary

    def _see(self, progress: Progress) -> None:
        for line in progress.notices:
            self.noticed_s.setdefault(line, progress.elapsed_s)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(e.outcome for e in self.store.episodes())

    @property
    def endings(self) -> Counter[str]:
        return Counter(e.ending for e in self.store.episodes())

    @property
    def full(self) -> int:
        return sum(e.score is not None and e.score.success == "full" for e in self.store.episodes())


async def test_without_any_way_of_its_own_it_is_perfect() -> None:
    async with FakeService(perfect()) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert (ran.full, summary.remaining, summary.reasons) == (8, 0, ())


async def test_a_context_window_that_is_full_is_the_models_and_scored() -> None:
    async def overflows(exchange: Exchange, turn: int) -> bool:
        if turn < 2:
            return False
        message = "request (9412 tokens) exceeds the available context size (8192 tokens)"
        error = {"code": 400, "type": "exceed_context_size_error", "message": message}
        await exchange.answer(400, {"error": error})
        return True

    async with FakeService(perfect(overflows)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
        again = await ran.against(service.url)
    assert (ran.endings, ran.outcomes) == ({"context_window": 8}, {"completed": 8})
    assert (summary.scored, summary.remaining, again.ran) == (8, 0, 0)
    assert all(len(e.turns) == 2 for e in ran.store.episodes())


async def test_an_opening_that_does_not_fit_stops_the_model_with_a_hint() -> None:
    async def small(exchange: Exchange, _: int) -> bool:
        message = "This model's maximum context length is 512 tokens. However, you requested 900."
        await exchange.answer(400, {"object": "error", "message": message, "code": 400})
        return True

    began = time.monotonic()
    async with FakeService(perfect(small)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert time.monotonic() - began < 5
    assert ran.outcomes.keys() == {"infrastructure"}
    assert "serve it with a larger context" in summary.reasons[0]
    assert "maximum context length is 512" in summary.stopped[0]


FILTERS: dict[str, tuple[int, Any]] = {
    "Azure": (400, {"error": {"message": "The response was filtered", "code": "content_filter",
        "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    "Alibaba": (400, {"error": {"message": "Input data may contain inappropriate content.",
        "code": "data_inspection_failed"}}),
    "OpenRouter": (403, {"error": {"message": "Your input was flagged.", "code": 403,
        "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
    "on the reply": (200, reply("I would", "content_filter")),
}  # fmt: skip


@pytest.mark.parametrize(("status", "answer"), FILTERS.values(), ids=FILTERS)
async def test_what_a_filter_ended_is_final_and_in_no_rate(status: int, answer: Any) -> None:
    """The filter of some trials, at their second turn; the others are perfect."""
    trials: list[str] = []

    async def filters(exchange: Exchange, turn: int) -> bool:
        trial = exchange.headers["x-client-request-id"].partition("/")[0]
        if trial not in trials:
            trials.append(trial)
        if turn != 1 or trials.index(trial) >= 3:
            return False
        await exchange.answer(status, answer)
        return True

    async with FakeService(perfect(filters)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
        again = await ran.against(service.url)
    assert (ran.outcomes, ran.full) == ({"completed": 5, "blocked": 3}, 5)
    assert (summary.blocked, summary.scored, summary.remaining) == (3, 5, 0)
    assert (again.ran, again.blocked, again.scored) == (0, 3, 5)


async def test_a_call_that_groq_could_not_read_is_read_from_what_it_gives() -> None:
    async def groq(exchange: Exchange, turn: int) -> bool:
        if turn != 1:
            return False
        message = "Failed to call a function. See 'failed_generation' for more details."
        error = {"message": message, "type": "invalid_request_error", "code": "tool_use_failed"}
        error["failed_generation"] = next_words(exchange.body)
        await exchange.answer(400, {"error": error})
        return True

    async with FakeService(perfect(groq)) as service:
        ran = Ran()
        await ran.against(service.url)
        asked = len(service.exchanges)
    assert ran.full == 8
    assert asked == sum(len(e.turns) for e in ran.store.episodes())


async def test_geminis_malformed_call_is_a_format_error_and_paid_once() -> None:
    async def gemini(exchange: Exchange, turn: int) -> bool:
        if turn:
            return False
        choice = {"finish_reason": "function_call_filter: MALFORMED_FUNCTION_CALL", "index": 0}
        choice |= {"message": {"role": "assistant"}}
        await exchange.answer(200, {"choices": [choice], "usage": {"completion_tokens": 0}})
        return True

    async with FakeService(perfect(gemini)) as service:
        ran = Ran()
        await ran.against(service.url)
        asked = len(service.exchanges)
    episodes = ran.store.episodes()
    assert ran.outcomes == {"completed": 8}
    assert all(e.turns[0].format_error for e in episodes)
    assert asked == sum(len(e.turns) for e in episodes)


async def test_an_empty_message_is_the_models_and_not_asked_for_again() -> None:
    async def silent(exchange: Exchange, _: int) -> bool:
        choice = {"message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}
        await exchange.answer(200, {"choices": [choice]})
        return True

    async with FakeService(perfect(silent)) as service:
        ran = Ran()
        summary = await ran.against(service.url, options=replace(OPTIONS, max_turns=10))
        asked = len(service.exchanges)
    assert (ran.outcomes, ran.endings) == ({"completed": 8}, {"max_turns": 8})
    assert asked == summary.calls == 80


async def test_alibabas_insufficient_quota_is_a_limit_that_passes() -> None:
    began = time.monotonic()

    async def limited(exchange: Exchange, _: int) -> bool:
        if time.monotonic() - began > 2.0:
            return False
        message = "You exceeded your current quota, please check your plan and billing details."
        code = "insufficient_quota"
        await exchange.answer(429, {"error": {"message": message, "type": code, "code": code}})
        return True

    async with FakeService(perfect(limited)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert (ran.full, summary.stopped, summary.remaining) == (8, (), 0)


async def test_credentials_that_fail_for_a_while_cost_nothing() -> None:
    seen: list[float] = []

    async def forgets(exchange: Exchange, _: int) -> bool:
        seen.append(time.monotonic())
        if len(seen) < 5 or time.monotonic() > seen[4] + 1.5:
            return False
        await exchange.answer(401, {"error": {"message": "Access denied due to invalid key"}})
        return True

    async with FakeService(perfect(forgets)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert (ran.full, summary.stopped, summary.remaining) == (8, (), 0)


async def test_an_endpoint_that_rejects_everything_is_named_and_costs_nothing() -> None:
    async def no_tools(exchange: Exchange, _: int) -> bool:
        await exchange.answer(422, {"detail": "seed: extra fields not permitted"})
        return True

    async with FakeService(perfect()) as good, FakeService(perfect(no_tools)) as bad:
        ran = Ran()
        summary = await ran.against(good.url, bad.url)
        asked = len(bad.exchanges)
    assert (ran.full, summary.remaining) == (8, 0)
    assert asked <= 14  # five that may be the requests, five that shut it, what flew, canaries
    assert "d-p1: HTTP 422: seed: extra fields not permitted (no answer since" in summary.silent[0]


async def test_a_404_names_the_address_that_was_called() -> None:
    async def nowhere(exchange: Exchange, _: int) -> bool:
        await exchange.answer(404, {"detail": "Not Found"})
        return True

    async with FakeService(perfect(nowhere)) as service:
        ran = Ran()
        summary = await ran.against(f"{service.url}/api")
    address = f"{service.url}/api/chat/completions"
    assert f"HTTP 404: Not Found (asked at {address})" in summary.stopped[0]
    assert address in summary.reasons[0]


async def a_web_page(exchange: Exchange, _: int) -> bool:
    await exchange.answer(
        200, b"<!doctype html><title>Open WebUI</title>", content_type="text/html"
    )
    return True


async def test_a_stream_that_nobody_asked_for_is_read() -> None:
    async def streams(exchange: Exchange, _: int) -> bool:
        said = {"delta": {"content": next_words(exchange.body)}, "finish_reason": "stop"}
        chunk = msgspec.json.encode({"choices": [said]})
        body = b"data: " + chunk + b"\n\ndata: [DONE]\n\n"
        await exchange.answer(200, body, content_type="text/event-stream")
        return True

    async with FakeService(perfect(streams)) as service:
        ran = Ran()
        await ran.against(service.url)
    assert ran.full == 8


@pytest.mark.parametrize(
    ("quirk", "words"),
    [(a_web_page, "base_url mostly ends in /v1"), (None, "refused")],
)
async def test_where_no_model_answers_the_reason_comes_in_seconds_and_then_the_end(
    quirk: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "Bounds", partial(Bounds, unreached_s=4.0))  # not a minute
    async with FakeService(perfect(quirk)) as service:
        ran = Ran()
        summary = await ran.against(service.url if quirk else "http://127.0.0.1:9")
        asked = Counter(
            e.headers["x-client-request-id"].rpartition("/")[0] for e in service.exchanges
        )
    first = min(at for line, at in ran.noticed_s.items() if words in line)
    assert first < 5
    assert 4 < summary.elapsed_s < 9
    assert words in summary.stopped[0]
    assert words in summary.reasons[0]
    assert max(asked.values(), default=0) <= 6  # no trial is bought more often
    assert summary.discarded == len(service.exchanges)


GITHUBS_DAY = {
    "error": {
        "code": "RateLimitReached",
        "message": "Rate limit of 50 per 86400s exceeded for UserByModelByDay. "
        "Please wait {} seconds before retrying.",
    }
}
GEMINIS_QUOTA = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
GEMINIS_DAY = [
    {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota, please check your plan and billing "
            "details. Please retry in 2.49s.",
            "details": [{"violations": [{"quotaId": GEMINIS_QUOTA}]}],
        }
    }
]


def a_day_of(calls: int, value: Any, refilled_in_s: float = inf) -> Any:
    """A service that answers so many calls and then says that its day's quota is used up."""
    spent_at, left = list[float](), [calls]

    async def quirk(exchange: Exchange, _: int) -> bool:
        left[0] -= 1
        if left[0] < 0 and not spent_at:
            spent_at.append(time.monotonic())
        if not spent_at or time.monotonic() > spent_at[0] + refilled_in_s:
            return False
        seconds = spent_at[0] + refilled_in_s - time.monotonic()
        text = msgspec.json.encode(value).decode().replace("{}", f"{min(41282, seconds):.0f}")
        await exchange.answer(429, text.encode())
        return True

    return perfect(quirk)


async def test_a_days_quota_that_is_used_up_ends_the_run_and_says_when_it_would_go_on() -> None:
    async with FakeService(a_day_of(9, GITHUBS_DAY)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert summary.elapsed_s < 5
    assert ran.outcomes.keys() <= {"completed", "infrastructure"}
    at = time.strftime("%Y-%m-%d %H:", time.gmtime(time.time() + 41_282))
    assert re.search(
        rf"UserByModelByDay.*; goes on at {at}\d\d UTC \(--max-wait\)", summary.stopped[0]
    )
    assert "has any quota left" in summary.reasons[0]


async def test_where_nobody_says_when_a_day_ends_it_is_believed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desk, "Bounds", partial(Bounds, believed_s=4.0))  # not five minutes
    async with FakeService(a_day_of(9, GEMINIS_DAY)) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert 3.5 < summary.elapsed_s < 15
    assert "You exceeded your current quota" in summary.stopped[0]
    assert summary.stopped[0].count("(--max-wait)") == 1


async def test_with_max_wait_a_days_quota_is_waited_for_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    classify = import_module("stormproof.wire.classify")  # its name there is the function's
    monkeypatch.setattr(classify, "LONGEST_RETRY_AFTER_S", 0.5)  # a day of a few seconds
    options = replace(OPTIONS, max_wait_s=60.0)
    async with FakeService(a_day_of(9, GITHUBS_DAY, refilled_in_s=5.0)) as service:
        ran = Ran()
        summary = await ran.against(service.url, options=options)
    assert (ran.full, summary.remaining, summary.stopped) == (8, 0, ())
    assert 5 < summary.elapsed_s < 15
    assert any("; asked again in " in line for line in ran.noticed_s)


async def test_a_tool_that_breaks_in_one_episode_costs_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called, worked = list[Any](), Weathered.call

    def call(self: Weathered, tool: str, arguments: Any) -> Any:
        called.append(self)
        if self is called[0]:
            raise ZeroDivisionError
        return worked(self, tool, arguments)

    monkeypatch.setattr(Weathered, "call", call)
    async with FakeService(perfect()) as service:
        ran = Ran()
        summary = await ran.against(service.url)
    assert (ran.full, ran.endings["suite"], summary.remaining) == (7, 1, 1)
    assert summary.faults[0].startswith("1 × ZeroDivisionError in test_first_contact.py:")
