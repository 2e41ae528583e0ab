from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.report.charts import rows_of
from stormproof.report.columns import SIMULATED_NOTE
from stormproof.report.frame import Frame
from stormproof.report.pairing import matched
from stormproof.report.table import Table
from stormproof.report.tables import all_tables, overall
from stormproof.stats import compare, mcnemar

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


@pytest.fixture(scope="module")
def frame(make_grid: Callable[..., Rows], make_table: ToTable) -> Frame:
    return Frame.of(make_table(make_grid(tasks=30)))


@pytest.fixture(scope="module")
def tables(frame: Frame) -> dict[str, Table]:
    return {table.key: table for table in all_tables(frame)}


def test_a_grid_gives_every_table_it_has_data_for(tables: dict[str, Table]) -> None:
    assert set(tables) == {
        "overall", "task_types", "scale", "flaws", "rates", "slopes", "prompts", "prompt_index",
        "models", "errors",
    }  # fmt: skip
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_infrastructure_stands_beside_every_rate(tables: dict[str, Table]) -> None:
    for key in ("overall", "task_types", "scale", "flaws", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"success %", "infra", "scored"} <= set(titles), key
    for key in ("overall", "task_types", "scale", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"ceiling %", "share of ceiling %"} <= set(titles), key


def test_totals_are_the_same_in_every_cut(tables: dict[str, Table]) -> None:
    for key in ("task_types", "scale", "rates", "prompts"):
        for name in ("scored", "infra", "attempted", "full", "partial", "failed"):
            whole = sum(row[name] for row in rows_of(tables["overall"]))
            assert sum(row[name] for row in rows_of(tables[key])) == whole, (key, name)


def test_a_flaw_is_compared_on_the_same_tasks(tables: dict[str, Table]) -> None:
    row = next(r for r in rows_of(tables["flaws"]) if r["model"] == "model-a")
    assert row["tasks paired"] == 30
    assert row["difference to optimal, points"].estimate < 0
    assert 0 < row["retention"].estimate < 1
    assert row["p (Holm)"] >= 0


def test_coupled_weather_makes_pairs(frame: Frame) -> None:
    """One trial a task and setting: the paired test is McNemar's on exactly those."""
    a, b = (
        frame.at(
            frame.is_value("model", model)
            & frame.is_value("prompt_type", "optimal")
            & (frame.numbers("tool_success_rate") == 0.8)
        )
        for model in ("model-a", "model-b")
    )
    left, right = matched([a, b], "model")
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
    frame = Frame.of(make_table(rows))
    groups = [group for _, group in frame.groups("model")]
    assert [len(side) for side in matched(groups, "model")] == [3, 3]


def test_simulated_is_said_in_words(make_episode: Make, make_table: ToTable) -> None:
    rows = [make_episode(model="a", simulated=True), make_episode(model="b", task_id="t2")]
    tables = all_tables(Frame.of(make_table(rows)))
    assert SIMULATED_NOTE in tables[0].notes
    for table in tables:
        said = [row["model"] for row in rows_of(table)]
        assert "a (SIMULATED)" in said, table.key
        assert "a" not in said
        assert "b (SIMULATED)" not in said


def test_the_audits_verdict_leads_the_flags(make_episode: Make, make_table: ToTable) -> None:
    table = Frame.of(make_table([make_episode(model="a"), make_episode(model="b", task_id="t")]))
    verdicts = {"a": "distorted by harness", "b": "sound"}
    flags = [row["flags"] for row in rows_of(overall(table, verdicts))]
    assert flags == ["audit: distorted by harness, n below 20", "n below 20"]


def test_replicates_give_pass_hat_k(make_episode: Make, make_table: ToTable) -> None:
    rows = [
        make_episode(task_id=f"t{i}", replicate=r, success="full" if r < i else "failed")
        for i in range(4)
        for r in range(3)
    ]
    found = {t.key: t for t in all_tables(Frame.of(make_table(rows)))}["replicates"]
    row = rows_of(found)[0]
    assert (row["tasks"], row["k"]) == (4, 3)
    assert row["pass@1 %"].estimate == pytest.approx(0.5)
    assert row["pass^k %"].estimate == pytest.approx(0.25)


def test_what_was_not_recorded_is_in_no_scenario(make_episode: Make, make_table: ToTable) -> None:
    rows = [make_episode(difficulty="unrecorded", tool_success_rate=-1.0, source="imported")]
    keys = {table.key for table in all_tables(Frame.of(make_table(rows)))}
    assert not keys & {"scale", "rates"}
    assert {"overall", "task_types", "prompts"} <= keys


def test_best_prompts_are_those_not_beaten(tables: dict[str, Table]) -> None:
    for row in rows_of(tables["prompt_index"]):
        assert "flawed" not in row["best prompt type"]
        assert 0 <= row["sensitivity index"].low <= row["sensitivity index"].high
