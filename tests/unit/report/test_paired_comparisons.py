from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.report.contents import all_tables
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.matched_tasks import matched
from stormproof.report.paired_comparisons import MOST_MODELS_COMPARED, models_compared
from stormproof.report.report_table import ReportTable
from stormproof.report.result_charts import rows_of
from stormproof.stats import compare, mcnemar

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


@pytest.fixture(scope="module")
def frame(make_grid: Callable[..., Rows], make_table: ToTable) -> EpisodeRows:
    return EpisodeRows.of(make_table(make_grid(tasks=30)))


@pytest.fixture(scope="module")
def tables(frame: EpisodeRows) -> dict[str, ReportTable]:
    return {table.key: table for table in all_tables(frame)}


def test_a_flaw_is_compared_on_the_same_tasks(tables: dict[str, ReportTable]) -> None:
    row = next(r for r in rows_of(tables["flaws"]) if r["model"] == "model-a")
    assert row["tasks paired"] == 30
    assert row["difference to optimal, points"].estimate < 0
    assert 0 < row["retention"].estimate < 1
    assert row["p (Holm)"] >= 0


def test_what_was_noticed_recovered_from_and_followed_stands_beside_each_flaw(
    tables: dict[str, ReportTable], make_episode: Make, make_table: ToTable
) -> None:
    """Recovery is of the trials that followed a flaw; those that did not have none recorded."""
    dealt = [(True, None, 0.0), (True, True, 1.0), (False, False, 0.5), (False, False, 1.0)]
    rows = [
        make_episode(
            task_id=f"t{i}",
            prompt_type="flawed_tool_misuse",
            flaw_noticed=noticed,
            flaw_recovered=recovered,
            flaw_followed=followed,
        )
        for i, (noticed, recovered, followed) in enumerate(dealt)
    ]
    found = {t.key: t for t in all_tables(EpisodeRows.of(make_table(rows)))}["flaws"]
    (row,) = rows_of(found)
    assert row["noticed %"].estimate == pytest.approx(2 / 4)
    assert row["recovered %"].estimate == pytest.approx(1 / 3)
    assert row["followed %"] == pytest.approx(2.5 / 4)
    assert any("by tool calls alone" in note for note in found.notes)
    (old, *_) = rows_of(tables["flaws"])
    assert old["noticed %"] is None
    assert not any("by tool calls alone" in note for note in tables["flaws"].notes)


def test_coupled_weather_makes_pairs(frame: EpisodeRows) -> None:
    """One trial a task and setting: the paired test is McNemar's on exactly those."""
    a, b = (
        frame.at(
            frame.is_value("model", model)
            & frame.is_value("prompt_type", "optimal")
            & (frame.numbers("tool_success_rate") == 0.8)
        )
        for model in ("model-a", "model-b")
    )
    left, right = matched([a, b], "model").values
    assert len(left) == 30
    found = compare("", left, right)
    assert found.method == "McNemar mid-p"
    assert found.p_value == mcnemar(left, right)


def test_a_lost_partner_takes_its_pair_out(
    make_episode: Make, make_infrastructure: Make, make_table: ToTable
) -> None:
    rows = [make_episode(model=m, task_id=f"t{i}") for m in ("a", "b") for i in range(5)]
    rows[7] = make_infrastructure(model="b", task_id="t2")
    rows[9] = make_episode(model="b", task_id="t4", tool_success_rate=0.5)
    frame = EpisodeRows.of(make_table(rows))
    groups = [group for _, group in frame.groups("model")]
    assert [len(side) for side in matched(groups, "model").values] == [3, 3]


def test_best_prompts_are_those_not_beaten(tables: dict[str, ReportTable]) -> None:
    for row in rows_of(tables["prompt_index"]):
        assert "flawed" not in row["best prompt type"]
        assert 0 <= row["sensitivity index"].low <= row["sensitivity index"].high


def test_what_is_left_out_of_many_models_is_said_once(
    make_episode: Make, make_table: ToTable
) -> None:
    models = [f"m{i:02}" for i in range(MOST_MODELS_COMPARED + 1)]
    rows = [make_episode(model=model, task_id=f"t{i}") for model in models for i in range(2)]
    table = models_compared(EpisodeRows.of(make_table(rows)))
    assert table.notes[1:] == ("The first 16 of 17 models.",)
    assert len(table.rows) == 16 * 15 / 2
