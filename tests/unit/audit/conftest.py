"""Episodes as an audit reads them, one turn a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from stormproof.domain.calls import Answer, Reply
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import make_trial

SCORE = Score("full", goal_met=True, tool_coverage=1, order=1, execution_success=1, recovery=None,
              redundant_calls=0)  # fmt: skip


def episode(*texts: str, executed: bool = False, **fields: Any) -> Episode:
    condition = Condition("optimal", "easy", 0.9)
    trial = make_trial(suite="s", seed=0, model="m", task_id="t", task_type="simple_task",
                       condition=condition)  # fmt: skip
    done = (Execution("network_fetcher", {}, ok=True),) if executed else ()
    turns = tuple(
        Turn(i, Answer(Reply(text), "e"), action="call" if done else "none", executions=done)
        for i, text in enumerate(texts)
    )
    bare = Episode(trial, "completed", "max_turns", turns, score=SCORE)
    return replace(bare, **fields)


@pytest.fixture(scope="session")
def make_episode() -> Callable[..., Episode]:
    return episode
