"""A whole run against `transformers serve`, which reads `<tool_call>` as JSON by itself.

transformers is no dependency of ours. Install it anywhere and name its command:

    python -m venv /tmp/serving && /tmp/serving/bin/pip install torch 'transformers[serving]'
    STORMPROOF_TRANSFORMERS=/tmp/serving/bin/transformers make test
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from inference_servers import TransformersServe
from stormproof.domain.conditions import Protocol
from stormproof.domain.episodes import Episode
from tiny_model import write_folder

Play = Callable[..., list[Episode]]
PROGRAM = os.environ.get("STORMPROOF_TRANSFORMERS") or shutil.which("transformers")
TASK_TYPES = ("simple_task", "basic_task")

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="transformers is not installed (see the top)"),
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersServe]:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    write_folder(folder)
    with TransformersServe(str(PROGRAM), folder) as started:
        yield started


@pytest.mark.parametrize("protocol", ["native", "hermes"])
def test_a_plan_is_followed_without_a_mistake(
    server: TransformersServe, play: Play, protocol: Protocol
) -> None:
    episodes = play(server, protocols=(protocol,), task_types=TASK_TYPES)
    turns = [turn for episode in episodes for turn in episode.turns]
    assert [(e.outcome, e.ending, e.score and e.score.success) for e in episodes] == [
        ("completed", "done", "full")
    ] * 2
    assert {len(turn.answer.reply.tool_calls) for turn in turns} == {0, 1}
    assert sum(turn.format_error for turn in turns) == 0
