from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stormproof.domain.trials import seed_of
from stormproof.report.baselines import BASELINES, MOST_TRIALS, baselines
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import ReportTable
from stormproof.report.result_charts import rows_of
from stormproof.report.results import Results
from stormproof.store import Header
from stormproof.suites.workflows import WORKFLOWS

Make = Callable[..., dict[str, Any]]
ToTable = Callable[[list[dict[str, Any]]], pa.Table]
COPIER, BLIND = BASELINES


def table_of(table: pa.Table, suite: str = WORKFLOWS.version) -> ReportTable:
    header = Header(suite=suite, seed=0, stormproof="0")
    return baselines(Results("x", Path(), table, EpisodeRows.of(table), header))


@pytest.fixture(scope="module")
def played(make_episode: Make, make_table: ToTable) -> pa.Table:
    """Twenty tasks in calm weather by two models: a right plan, a wrong one, and none."""
    ids = WORKFLOWS.task_ids("data_pipeline", "easy", 20)
    return make_table(
        [
            make_episode(model=model, task_id=task_id, prompt_type=prompt, tool_success_rate=1.0,
                         weather_seed=seed_of(task_id), ceiling=1.0)
            for model in ("a", "b")
            for prompt in ("baseline", "optimal", "flawed_semantic_drift")
            for task_id in ids
        ]
    )  # fmt: skip


def test_each_baseline_stands_beside_the_ceiling_of_the_trials_it_played(played: pa.Table) -> None:
    table = table_of(played)
    found = {(row["baseline"], row["prompt type"]): row for row in rows_of(table)}
    assert set(found) == {
        (COPIER, "optimal"), (COPIER, "flawed_semantic_drift"),
        (BLIND, "baseline"), (BLIND, "optimal"), (BLIND, "flawed_semantic_drift"),
    }  # fmt: skip
    assert found[COPIER, "optimal"]["success %"].estimate == 1.0
    assert found[COPIER, "flawed_semantic_drift"]["success %"].estimate == 0.0
    assert found[COPIER, "flawed_semantic_drift"]["collateral %"] > 0.5
    assert found[BLIND, "baseline"]["success %"].estimate == 0.0
    assert {row["trials played"] for row in found.values()} == {20}  # each once, not by model
    assert {row["ceiling %"] for row in found.values()} == {1.0}
    assert "No models" in table.notes[0]
    assert table_of(played) == table


def test_so_many_trials_are_played_and_no_more(make_episode: Make, make_table: ToTable) -> None:
    ids = WORKFLOWS.task_ids("simple_task", "very_easy", MOST_TRIALS + 20)
    rows = [make_episode(task_id=i, difficulty="very_easy", prompt_type="baseline") for i in ids]
    (row,) = rows_of(table_of(make_table(rows)))
    assert row["trials played"] == MOST_TRIALS


def test_another_suites_folder_and_one_without_scores_have_none(
    played: pa.Table, make_infrastructure: Make, make_table: ToTable
) -> None:
    assert table_of(played, suite="1").rows == ()
    assert table_of(make_table([make_infrastructure()])).rows == ()
