from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from stormproof.domain.calls import Message, ToolCall
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode
from stormproof.domain.trials import make_trial
from stormproof.store import Header, open_store
from stormproof.suites.workflows import WORKFLOWS
from stormproof.testing.records import a_trial, a_turn, an_episode

HEADER = Header(suite=WORKFLOWS.version, seed=0, simulated=True, created_at=1.7e9, stormproof="1")


def episodes() -> list[Episode]:
    """Two models; a replicate; texts that are hard to write down; all three outcomes."""
    real = make_trial(
        suite=HEADER.suite, seed=0, model="one", task_id="data_pipeline.easy.00000",
        task_type="data_pipeline", condition=Condition("cot", "easy", 0.8), replicate=1,
    )  # fmt: skip
    turn = a_turn(text='say "a, b"\n\udc00', at=1.7e9)
    calls = (ToolCall("1", "reader", '{"path": "a"}'), ToolCall("2", "reader", "no json"))
    native = replace(turn.answer.reply, tool_calls=calls)
    asked = replace(
        turn,
        answer=replace(turn.answer, reply=native),
        observation=(Message("tool", "it", tool_call_id="1"),),
    )
    failed = replace(an_episode(a_trial(2, model="one"), [turn]), ended_at=1.7e9 + 9)
    assert failed.score
    return [
        replace(an_episode(real, [asked]), started_at=1.7e9, ended_at=1.7e9 + 5),
        replace(failed, score=replace(failed.score, success="partial")),
        replace(an_episode(a_trial(3, model="one"), outcome="infrastructure"), error='a "b", c\nd'),
        an_episode(a_trial(4, model="two"), [turn], outcome="blocked"),
    ]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"

    async def write() -> None:
        async with open_store(folder, HEADER) as store:
            for episode in episodes():
                for turn in episode.turns:
                    await store.turn(episode.trial.trial_id, turn)
                await store.episode(episode)

    anyio.run(write)
    return folder
