from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.report.contents import all_tables
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import ReportTable
from stormproof.report.result_charts import rows_of
from stormproof.report.success_tables import overall

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


@pytest.fixture(scope="module")
def frame(make_grid: Callable[..., Rows], make_table: ToTable) -> EpisodeRows:
    return EpisodeRows.of(make_table(make_grid(tasks=30)))


@pytest.fixture(scope="module")
def tables(frame: EpisodeRows) -> dict[str, ReportTable]:
    return {table.key: table for table in all_tables(frame)}


def test_infrastructure_stands_beside_every_rate(tables: dict[str, ReportTable]) -> None:
    for key in ("overall", "conditions", "task_types", "flaws", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"success %", "infra", "scored"} <= set(titles), key
    for key in ("overall", "conditions", "task_types", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"ceiling %", "share of ceiling %"} <= set(titles), key


def test_each_scenario_is_over_its_own_cells_and_says_which(
    tables: dict[str, ReportTable],
) -> None:
    assert tables["rates"].cells == "Over optimal · easy."
    assert tables["prompts"].cells == "Over easy · 0.8."
    assert tables["flaws"].cells == "Over easy · 0.8."
    assert {row["scored"] for row in rows_of(tables["rates"])} == {30}
    whole = [row["scored"] for row in rows_of(tables["overall"])]
    assert whole == [30 * 4 * 3] * 2
    assert sum(row["scored"] for row in rows_of(tables["conditions"])) == sum(whole)


def test_two_models_that_ran_other_mixes_are_compared_over_what_both_ran(
    make_episode: Make, make_table: ToTable
) -> None:
    """Model a is the better one in each condition, and ran far more of the hard one."""
    counts = {("a", "easy"): (9, 10), ("a", "hard"): (30, 100),
              ("b", "easy"): (80, 100), ("b", "hard"): (2, 10)}  # fmt: skip
    rows = [
        make_episode(model=model, difficulty=level, task_id=f"{level}{i}",
                     success="full" if i < hits else "failed")
        for (model, level), (hits, n) in counts.items()
        for i in range(n)
    ]  # fmt: skip
    found = {r["model"]: r for r in rows_of(overall(EpisodeRows.of(make_table(rows))))}
    assert found["a"]["success %"].estimate == pytest.approx((0.9 + 0.3) / 2)
    assert found["b"]["success %"].estimate == pytest.approx((0.8 + 0.2) / 2)


def test_models_that_share_nothing_are_not_set_beside_each_other(
    make_episode: Make, make_table: ToTable
) -> None:
    rows = [make_episode(model=m, difficulty=d) for m, d in (("a", "easy"), ("b", "hard"))]
    tables = {t.key: t for t in all_tables(EpisodeRows.of(make_table(rows)))}
    for row in rows_of(tables["overall"]):
        assert math.isnan(row["success %"].estimate)
        assert (row["flags"], row["left out"]) == ("no cell in common", 1)
    assert [r["success %"].estimate for r in rows_of(tables["conditions"])] == [1.0, 1.0]


def test_the_audits_verdict_leads_the_flags(make_episode: Make, make_table: ToTable) -> None:
    table = EpisodeRows.of(
        make_table([make_episode(model="a"), make_episode(model="b", task_id="t")])
    )
    verdicts = {"a": "distorted by harness", "b": "sound"}
    flags = [row["flags"] for row in rows_of(overall(table, verdicts))]
    assert flags == ["audit: distorted by harness, n below 20", "n below 20"]


def test_replicates_give_pass_hat_k(make_episode: Make, make_table: ToTable) -> None:
    rows = [
        make_episode(task_id=f"t{i}", replicate=r, success="full" if r < i else "failed")
        for i in range(4)
        for r in range(3)
    ]
    found = {t.key: t for t in all_tables(EpisodeRows.of(make_table(rows)))}["replicates"]
    row = rows_of(found)[0]
    assert (row["tasks"], row["k"]) == (4, 3)
    assert row["pass@1 %"].estimate == pytest.approx(0.5)
    assert row["pass^k %"].estimate == pytest.approx(0.25)


def test_what_was_done_unasked_is_a_measure_of_its_own(
    make_episode: Make, make_table: ToTable
) -> None:
    rows = [make_episode(task_id=f"t{i}", collateral=i % 4, progress=0.5) for i in range(8)]
    table = overall(EpisodeRows.of(make_table(rows)))
    (row,) = rows_of(table)
    assert row["collateral %"].estimate == 0.75
    assert row["progress %"] == 0.5
    assert "nothing was done that nobody asked for" in table.notes[0]


def test_a_folder_of_the_first_version_says_what_success_was_then(
    make_episode: Make, make_table: ToTable
) -> None:
    rows = [make_episode(task_id=f"t{i}", collateral=None, progress=None) for i in range(8)]
    table = overall(EpisodeRows.of(make_table(rows)))
    (row,) = rows_of(table)
    assert row["collateral %"] is None
    assert "every required tool had succeeded" in table.notes[0]
