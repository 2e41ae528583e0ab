from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.errors import SuiteError
from stormproof.report.cell_figures import whole
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import IfLost
from stormproof.stats import wilson

Rows = list[dict[str, Any]]
Make = Callable[..., dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]


def test_infrastructure_is_in_no_rate(
    make_episode: Make, make_infrastructure: Make, make_table: ToTable
) -> None:
    levels = ["full"] * 6 + ["partial"] * 3 + ["failed"]
    rows = [make_episode(task_id=f"t{i}", success=level) for i, level in enumerate(levels)]
    gone = [make_infrastructure(task_id=f"u{i}") for i in range(30)]
    cell = whole(EpisodeRows.of(make_table(rows + gone)))
    assert (cell.scored, cell.infrastructure, cell.blocked) == (10, 30, 0)
    assert (cell.full, cell.partial, cell.failed) == (6, 3, 1)
    assert cell.success == wilson(6, 10)
    assert cell.weighted == pytest.approx(0.75)
    assert cell.share is not None
    assert cell.share.estimate == pytest.approx(0.6 / 0.9)
    assert cell.bounds == IfLost(6 / 40, 36 / 40)
    flags = ("n below 20", "infrastructure failures", "what is lost may matter")
    assert cell.flags == flags


def test_replicates_of_a_task_are_no_independent_trials(
    make_episode: Make, make_table: ToTable
) -> None:
    rows = [
        make_episode(task_id=f"t{i}", replicate=r, success="full" if i < 5 else "failed")
        for i in range(10)
        for r in range(20)
    ]
    found = whole(EpisodeRows.of(make_table(rows))).success
    assert (found.n, found.tasks) == (200, 10)
    assert found.high - found.low >= wilson(5, 10).high - wilson(5, 10).low


def test_nothing_scored_says_nothing(make_infrastructure: Make, make_table: ToTable) -> None:
    cell = whole(EpisodeRows.of(make_table([make_infrastructure()])))
    assert math.isnan(cell.success.estimate)
    assert math.isnan(cell.weighted)
    assert cell.share is None
    assert cell.flags[0] == "nothing scored"


def test_a_cell_where_format_trouble_dominates_is_flagged(
    make_episode: Make, make_table: ToTable
) -> None:
    def flags(**fields: int) -> tuple[str, ...]:
        rows = [make_episode(task_id=f"t{i}", turns=4, **fields) for i in range(25)]
        return whole(EpisodeRows.of(make_table(rows))).flags

    assert flags(format_errors=1, unread=1) == ("format errors dominate",)
    assert flags(format_repairs=4) == ("formats repaired",)
    assert flags(format_errors=1, format_repairs=1) == ()


@pytest.mark.parametrize(
    "wrong",
    [{"success": "splendid"}, {"success": None}],
    ids=["a level that is none", "completed without a score"],
)
def test_a_report_asserts_that_its_parts_add_up(
    make_episode: Make, make_table: ToTable, wrong: dict[str, Any]
) -> None:
    rows = [make_episode(task_id="a"), make_episode(task_id="b", **wrong)]
    with pytest.raises(SuiteError, match="do not add up") as caught:
        whole(EpisodeRows.of(make_table(rows)))
    assert caught.value.hint
