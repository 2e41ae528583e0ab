from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from stormproof.domain.conditions import Condition, TaskType
from stormproof.report.completeness import completeness, count_cells, missing, missing_note
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.result_charts import rows_of

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]
EASY, HARD = Condition("optimal", "easy", 0.8), Condition("optimal", "hard", 0.8)
KIND: TaskType = "data_pipeline"


def test_what_is_missing_is_counted_for_absent_models_too(
    make_episode: Make, make_infrastructure: Make, make_table: ToTable
) -> None:
    rows = [
        *(make_episode(task_id=f"t{i}") for i in range(5)),
        *(make_infrastructure(task_id=f"u{i}", error="503 from m-1") for i in range(2)),
        make_infrastructure(task_id="v", error="timeout"),
        make_infrastructure(task_id="w", outcome="blocked", ending="blocked"),
    ]
    planned = {("model-a", EASY, KIND): 12, ("model-a", HARD, KIND): 4, ("absent", EASY, KIND): 7}
    cells = count_cells(EpisodeRows.of(make_table(rows)), planned)
    found = {row["model"]: row for row in rows_of(completeness(cells))}
    assert list(found) == ["absent", "model-a", "all"]
    for row in found.values():
        parts = ("scored", "blocked", "infra", "not run")
        assert row["planned"] == sum(row[part] for part in parts)
    assert [found["all"][name] for name in ("planned", "scored", "blocked", "infra")] == [
        23, 5, 1, 3,
    ]  # fmt: skip
    assert found["model-a"]["why not scored"] == "2 × 503 from m-1; 1 × timeout"
    assert (found["absent"]["scored"], found["absent"]["not run"]) == (0, 7)
    places = [(row["model"], row["condition"]) for row in rows_of(missing(cells))]
    assert places == [
        ("absent", "optimal · easy · 0.8"),
        ("model-a", "optimal · easy · 0.8"),
        ("model-a", "optimal · hard · 0.8"),
    ]
    assert missing_note(cells)[0].startswith("UNFINISHED: 5 of 23 planned trials are scored; 1 ")


def test_a_finished_plan_says_nothing_of_it(make_episode: Make, make_table: ToTable) -> None:
    rows = [make_episode(), make_episode(task_id="t", outcome="blocked", ending="blocked",
                                         success=None)]  # fmt: skip
    cells = count_cells(EpisodeRows.of(make_table(rows)), {("model-a", EASY, KIND): 2})
    assert missing_note(cells) == ()
    assert missing(cells).rows == ()


def test_what_no_plan_has_counts_as_planned(make_episode: Make, make_table: ToTable) -> None:
    (cell,) = count_cells(EpisodeRows.of(make_table([make_episode()])), {})
    assert (cell.planned, cell.scored, cell.not_run) == (1, 1, 0)
