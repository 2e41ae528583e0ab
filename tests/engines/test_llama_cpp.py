"""A whole run against llama.cpp's own server: what it answers is read, and blamed, as it should be.

The model copies what its chat template says (see benchmarks/tiny_model.py), so it does what a plan
says without a mistake, and says the task's own words back where it is shown none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import stormproof
from inference_servers import LlamaCpp
from stormproof.domain.calls import Usage
from stormproof.domain.conditions import Protocol
from stormproof.domain.episodes import Episode

pytestmark = pytest.mark.timeout(90)
Serve = Callable[..., LlamaCpp]
Play = Callable[..., list[Episode]]
PROTOCOLS: tuple[Protocol, ...] = ("text", "native", "hermes")


@contextmanager
def repeatedly(look: Callable[[], object]) -> Iterator[None]:
    """Looks every few milliseconds, in a thread of its own."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            look()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield
        finally:
            over.set()
        watching.result()


def scored(episode: Episode) -> str:
    assert episode.score is not None, episode.error
    return episode.score.success


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_plan_is_followed_without_a_mistake(serve: Serve, play: Play, protocol: Protocol) -> None:
    server = serve(slots=2)
    episodes = play(server, protocols=(protocol,))
    turns = [turn for episode in episodes for turn in episode.turns]
    replies = [turn.answer.reply for turn in turns]
    assert [scored(episode) for episode in episodes] == ["full"] * 6
    assert {episode.ending for episode in episodes} == {"done"}
    assert sum(turn.format_repairs + turn.format_error for turn in turns) == 0
    assert {len(reply.tool_calls) for reply in replies} == {0, protocol == "native"}
    assert {reply.served_model for reply in replies} == {"tiny"}
    used = sum((reply.usage for reply in replies), Usage())
    assert (used.prompt_tokens, used.completion_tokens) == server.tokens()
    assert not any(reply.raw or reply.simulated for reply in replies)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_says_the_same(serve: Serve, play: Play, protocol: Protocol) -> None:
    server = serve(slots=2)
    episodes = play(
        server,
        model={"stream": True},
        protocols=(protocol,),
        num_instances=1,
        task_types=("data_pipeline",),
    )
    replies = [turn.answer.reply for episode in episodes for turn in episode.turns]
    used = sum((reply.usage for reply in replies), Usage())
    assert [scored(episode) for episode in episodes] == ["full"]
    assert (used.prompt_tokens, used.completion_tokens) == server.tokens()
    assert {reply.finish_reason for reply in replies} <= {"tool_calls", "stop"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_no_call_is_the_models_own(serve: Serve, play: Play, protocol: Protocol) -> None:
    asked = {"prompt_types": ("baseline",), "max_turns": 3, "protocols": (protocol,)}
    episodes = play(serve(slots=2), **asked)
    assert [(e.outcome, e.ending, scored(e)) for e in episodes] == [
        ("completed", "max_turns", "failed")
    ] * 6
    assert all(turn.format_error for episode in episodes for turn in episode.turns)
    assert all(episode.turns[0].answer.reply.text.startswith("# Task") for episode in episodes)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_unknown_slots_are_all_put_to_work(serve: Serve, play: Play, slots: int) -> None:
    server, busy = serve(slots=slots), set[int]()
    with repeatedly(lambda: busy.add(server.busy())):
        episodes = play(server, protocols=("native",))
    assert max(busy) == slots
    assert [scored(episode) for episode in episodes] == ["full"] * 6
    assert {turn.answer.attempts for episode in episodes for turn in episode.turns} == {1}


def test_a_prompt_that_never_fits_is_infrastructure_and_says_why(serve: Serve, play: Play) -> None:
    episodes = play(serve(context=768), task_types=("data_pipeline",), num_instances=1)
    assert [(episode.outcome, episode.turns) for episode in episodes] == [("infrastructure", ())]
    assert "exceed_context_size_error" in episodes[0].error


def test_a_conversation_that_outgrows_the_context_ends_there(serve: Serve, play: Play) -> None:
    [episode] = play(
        serve(context=2048),
        task_types=("simple_task",),
        num_instances=1,
        prompt_types=("baseline",),
        max_turns=40,
    )
    assert 1 < len(episode.turns) < 40
    assert episode.ending == "context_window"
    assert scored(episode) == "failed"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_call_that_was_cut_off_is_not_executed(
    serve: Serve, play: Play, protocol: Protocol
) -> None:
    asked = {
        "task_types": ("data_pipeline",),
        "num_instances": 1,
        "max_turns": 2,
        "protocols": (protocol,),
    }
    room = {"parameters": {"max_tokens": 60 if protocol == "text" else 80}}
    [episode] = play(serve(), model=room, **asked)
    assert {turn.answer.reply.finish_reason for turn in episode.turns} == {"length"}
    assert all("data/" in str(turn.answer.reply) for turn in episode.turns)  # half a path
    assert not any(execution.arguments for execution in episode.executions)
    assert episode.outcome == "completed"


class Fall:
    """Kills a server once a run has had some calls, and starts it again so many seconds later."""

    def __init__(self, server: LlamaCpp, away_s: float) -> None:
        self.calls = 0  # that were answered so far
        self._server = server
        self._back = threading.Timer(away_s, server.start)

    def look(self, progress: stormproof.Progress) -> None:
        self.calls = progress.calls
        if self.calls and not self._back.ident:
            self._server.kill()
            self._back.start()

    def end(self) -> None:
        self._back.join()


@pytest.mark.parametrize("away_s", [2.0, pytest.param(20.0, marks=pytest.mark.slow)])
def test_a_killed_server_that_comes_back_loses_nothing(
    serve: Serve, play: Play, away_s: float
) -> None:
    server = serve(slots=2)
    fall = Fall(server, away_s)
    episodes = play(server, on_progress=fall.look)
    fall.end()
    turns = [turn for episode in episodes for turn in episode.turns]
    assert [scored(episode) for episode in episodes] == ["full"] * 6
    assert max(turn.answer.attempts for turn in turns) > 1
    assert len(turns) == fall.calls  # each answer is a turn: none was asked for again
