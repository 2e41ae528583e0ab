"""Trials, turns and episodes that are valid, small, and told apart by a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stormproof.domain.calls import Answer, Message, Reply, Usage
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Outcome, Score, Turn
from stormproof.domain.pool import Dialect, Endpoint, Limits
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial, make_trial


def an_endpoint(name: str = "gpt", dialect: Dialect = "openai", **limits: Any) -> Endpoint:
    """An endpoint of the provider "house" whose model, deployment and id are `name`."""
    return Endpoint(
        endpoint_id=name,
        number=0,
        model=name,
        provider="house",
        dialect=dialect,
        base_url="https://unused.example",
        deployment=name,
        key=f"env:KEY_{name.upper()}",
        api_version="2024-10-21",
        limits=Limits(**limits),
    )


def a_trial(
    number: int = 0,
    *,
    model: str = "some-model",
    prompt_type: str = "cot",
    condition: Condition | None = None,
) -> Trial:
    """A trial of suite "1" and seed 0, with an easy task. A whole condition wins over parts."""
    return make_trial(
        suite="1",
        seed=0,
        model=model,
        task_id=f"data_pipeline.easy.{number:05d}",
        task_type="data_pipeline",
        condition=condition or Condition(prompt_type, "easy", 0.8),
    )


def a_turn(
    index: int = 0, *, text: str = "", endpoint_id: str = "here", at: float = 0.0, query: str = ""
) -> Turn:
    """A turn with one tool call, which worked, and one repaired recognition.

    `text` tells apart what was answered, `query` how the same answer was read.
    """
    reply = Reply(text or f"turn {index}", usage=Usage(100, 10), finish_reason="stop")
    return Turn(
        index,
        Answer(reply, endpoint_id, attempts=2, latency_ms=7.5, at=at),
        "call",
        executions=(Execution("file_operations_reader", {"path": "/in.csv"}, ok=True),),
        observation=(Message("user", "done"),),
        query=query,
        format_repairs=1,
    )


def an_episode(trial: Trial, turns: Sequence[Turn] = (), outcome: Outcome = "completed") -> Episode:
    """An episode that succeeded in full, or died of infrastructure."""
    is_scored = outcome == "completed"
    return Episode(
        trial,
        outcome,
        "done" if outcome == "completed" else outcome,
        tuple(turns),
        Score("full", True, 1.0, 0.5, 1.0, None, 0) if is_scored else None,  # noqa: FBT003  as defined
        ceiling=0.9,
        error="" if is_scored else "no endpoint answered",
    )
