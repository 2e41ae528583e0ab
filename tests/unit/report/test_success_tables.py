from __future__ import annotations

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
    for key in ("overall", "task_types", "scale", "flaws", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"success %", "infra", "scored"} <= set(titles), key
    for key in ("overall", "task_types", "scale", "rates", "prompts"):
        titles = [column.title for column in tables[key].columns]
        assert {"ceiling %", "share of ceiling %"} <= set(titles), key


def test_totals_are_the_same_in_every_cut(tables: dict[str, ReportTable]) -> None:
    for key in ("task_types", "scale", "rates", "prompts"):
        for name in ("scored", "infra", "attempted", "full", "partial", "failed"):
            whole = sum(row[name] for row in rows_of(tables["overall"]))
            assert sum(row[name] for row in rows_of(tables[key])) == whole, (key, name)


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
