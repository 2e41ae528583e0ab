"""Episode tables as a run would leave them, made from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

PROMPTS = ("baseline", "optimal", "flawed_missing_step", "flawed_tool_misuse")
RATES = (0.6, 0.8, 1.0)

Rows = list[dict[str, Any]]


def episode(**fields: Any) -> dict[str, Any]:
    """One row of the episode table, with every column that the store gives."""
    row: dict[str, Any] = {
        "trial_id": "",
        "model": "model-a",
        "task_id": "data_pipeline.easy.00001",
        "task_type": "data_pipeline",
        "replicate": 0,
        "weather_seed": 1,
        "prompt_type": "optimal",
        "difficulty": "easy",
        "tool_success_rate": 0.8,
        "protocol": "text",
        "severity": "severe",
        "weather": "before",
        "max_turns": 0,
        "outcome": "completed",
        "ending": "done",
        "success": "full",
        "goal_met": True,
        "tool_coverage": 1.0,
        "order": 1.0,
        "execution_success": 0.9,
        "recovery": None,
        "redundant_calls": 0,
        "error_category": "",
        "progress": 1.0,
        "collateral": 0,
        "flaw_noticed": None,
        "flaw_recovered": None,
        "flaw_followed": None,
        "ceiling": 0.9,
        "turns": 5,
        "calls": 4,
        "prompt_tokens": 900,
        "completion_tokens": 300,
        "format_repairs": 0,
        "format_errors": 0,
        "unread": 0,
        "simulated": False,
        "source": "run",
        "error": "",
        "started_at": 1_700_000_000.0,
        "ended_at": 1_700_000_030.0,
    }
    assert set(fields) <= set(row), "a column that the store does not give"
    return row | fields


def infrastructure(**fields: Any) -> dict[str, Any]:
    """An episode that a model call without reply ended: no score."""
    unscored = {"success": None, "goal_met": None, "tool_coverage": None, "ceiling": None,
                "progress": None, "collateral": None}  # fmt: skip
    gone = {"outcome": "infrastructure", "ending": "infrastructure", "error": "timeout"}
    return episode(**(gone | unscored | fields))


def table_of(rows: Rows) -> pa.Table:
    """Rows as the store gives them; a trial_id each where none is given."""
    return pa.Table.from_pylist(
        [row | {"trial_id": row["trial_id"] or f"{i:032x}"} for i, row in enumerate(rows)]
    )


def grid(tasks: int = 12, models: tuple[str, ...] = ("model-a", "model-b"), seed: int = 1) -> Rows:
    """Every model × prompt type × rate on the same tasks, with coupled weather."""
    rng = np.random.default_rng(seed)
    skill = {model: 0.9 - 0.3 * i for i, model in enumerate(models)}
    kinds = ("data_pipeline", "simple_task")
    rows: Rows = []
    for task in range(tasks):
        luck, wit = rng.random(), rng.random()
        for model in models:
            for prompt in PROMPTS:
                for rate in RATES:
                    chance = skill[model] * (0.6 if prompt.startswith("flawed") else 1.0)
                    full = luck < rate and wit < chance
                    partial = not full and wit < chance + 0.2
                    level = "full" if full else "partial" if partial else "failed"
                    rows.append(
                        episode(
                            model=model,
                            task_id=f"{kinds[task % 2]}.easy.{task:05}",
                            task_type=kinds[task % 2],
                            prompt_type=prompt,
                            tool_success_rate=rate,
                            success=level,
                            goal_met=full,
                            tool_coverage={"full": 1.0, "partial": 0.6, "failed": 0.2}[level],
                            error_category="" if full else "wrong_order",
                            ceiling=rate,
                        )
                    )
    return rows


@pytest.fixture(scope="session")
def make_episode() -> Callable[..., dict[str, Any]]:
    return episode


@pytest.fixture(scope="session")
def make_infrastructure() -> Callable[..., dict[str, Any]]:
    return infrastructure


@pytest.fixture(scope="session")
def make_table() -> Callable[[Rows], pa.Table]:
    return table_of


@pytest.fixture(scope="session")
def make_grid() -> Callable[..., Rows]:
    return grid
