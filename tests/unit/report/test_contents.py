from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.report.contents import all_tables
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import ReportTable
from stormproof.report.result_charts import rows_of
from stormproof.report.results import SIMULATED_NOTE

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


@pytest.fixture(scope="module")
def frame(make_grid: Callable[..., Rows], make_table: ToTable) -> EpisodeRows:
    return EpisodeRows.of(make_table(make_grid(tasks=30)))


@pytest.fixture(scope="module")
def tables(frame: EpisodeRows) -> dict[str, ReportTable]:
    return {table.key: table for table in all_tables(frame)}


def test_a_grid_gives_every_table_it_has_data_for(tables: dict[str, ReportTable]) -> None:
    assert set(tables) == {
        "overall", "conditions", "task_types", "flaws", "rates", "slopes", "prompts",
        "prompt_index", "models", "errors",
    }  # fmt: skip
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_simulated_is_said_in_words(make_episode: Make, make_table: ToTable) -> None:
    rows = [make_episode(model="a", simulated=True), make_episode(model="b", task_id="t2")]
    tables = all_tables(EpisodeRows.of(make_table(rows)))
    assert SIMULATED_NOTE in tables[0].notes
    for table in tables:
        said = [row["model"] for row in rows_of(table)]
        assert "a (SIMULATED)" in said, table.key
        assert "a" not in said
        assert "b (SIMULATED)" not in said


def test_what_was_not_recorded_is_in_no_scenario(make_episode: Make, make_table: ToTable) -> None:
    rows = [
        make_episode(
            task_id=f"t{i}", prompt_type=prompt, difficulty="unrecorded", tool_success_rate=-1.0,
            source="imported",
        )
        for i, prompt in enumerate(("cot", "optimal"))
    ]  # fmt: skip
    keys = {table.key for table in all_tables(EpisodeRows.of(make_table(rows)))}
    assert not keys & {"scale", "rates"}
    assert {"overall", "conditions", "prompts"} <= keys
