"""Recorded episodes, from the emulator over HTTP through the episode loop."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from stormproof.domain.calls import Answer, Ok, Request
from stormproof.domain.episodes import Episode
from stormproof.domain.pool import Endpoint
from stormproof.emulator import Emulation, EmulatorOptions, Latency, emulated, emulator_process
from stormproof.emulator.replay import END_OF_RECORDING, Recording, recordings, replay_trial
from stormproof.episode import run_episode
from stormproof.wire import HttpTransport

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "recorded_episodes.jsonl.gz"
AT_ONCE = 40
FAST = EmulatorOptions(time_scale=0.001, latency=Latency(sigma=0.0))


def endpoint(number: int, model: str) -> Endpoint:
    return Endpoint(
        endpoint_id=model,
        number=number,
        model=model,
        provider="corpus",
        dialect="openai",
        base_url="https://unused.example",
        deployment=model,
        key="env:CORPUS_KEY",
    )


async def replayed(all_recorded: list[Recording]) -> list[Episode]:
    models = list(dict.fromkeys(recording.model for recording in all_recorded))
    endpoints = tuple(endpoint(at, model) for at, model in enumerate(models))
    episodes: list[Episode] = []
    room = anyio.Semaphore(AT_ONCE)
    async with emulator_process(Emulation(endpoints, FAST, replay=(str(CORPUS),))) as url:
        located, keys = emulated(endpoints, url)
        by_model = {e.model: e for e in located}
        async with HttpTransport(keys) as transport, anyio.create_task_group() as group:

            async def ask(request: Request) -> Answer:
                served = by_model[request.model]
                verdict = await transport.send(served, request, timeout_s=30)
                assert isinstance(verdict, Ok), verdict
                return Answer(verdict.reply, served.endpoint_id)

            async def play(recording: Recording) -> None:
                async with room:
                    trial, task = replay_trial(recording)
                    episodes.append(await run_episode(trial, task, ask, simulated=True))

            for recording in all_recorded:
                group.start_soon(play, recording)
    return episodes


@pytest.mark.skipif(not CORPUS.exists(), reason="no recorded episodes at ../shared/corpus")
def test_every_recording_goes_through_http_and_the_episode_loop() -> None:
    all_recorded = list(recordings([CORPUS]))
    by_task = {f"recorded.{r.episode_id}": r for r in all_recorded}
    episodes = anyio.run(replayed, all_recorded)
    assert len(episodes) == len(by_task) == 640
    for episode in episodes:
        answers = by_task[episode.trial.task_id].answers
        said = [turn.answer.reply.text for turn in episode.turns]
        assert episode.outcome == "completed"
        if said[-1].startswith(END_OF_RECORDING):
            assert tuple(said[:-1]) == answers
        else:
            assert tuple(said) == answers[: len(said)]
    turns = [turn for episode in episodes for turn in episode.turns]
    recognised = sum(turn.action != "none" for turn in turns)
    assert len(turns) > 4_500
    assert recognised / len(turns) > 0.85
