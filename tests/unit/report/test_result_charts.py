from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stormproof.domain.conditions import PROMPT_TYPES
from stormproof.report.chart_drawing import DARK, INK, MUTED, SERIES, as_png, as_svg, as_svg_file
from stormproof.report.contents import all_tables
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.result_charts import Chart, charts_of, rows_of

Rows = list[dict[str, Any]]
ToTable = Callable[[Rows], pa.Table]
HOSTILE = "a\"'\\<script>\u202e\u2028`${x}` datum.y"


@pytest.fixture(scope="module")
def charts(make_grid: Callable[..., Rows], make_table: ToTable) -> dict[str, Chart]:
    tables = all_tables(EpisodeRows.of(make_table(make_grid(tasks=20))))
    return {chart.key: chart for chart in charts_of(tables)}


def records(chart: Chart) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.spec["data"]["values"]
    return found


def test_each_chart_answers_a_question(charts: dict[str, Chart]) -> None:
    assert set(charts) == {"success", "task_types", "flaws", "reliability", "prompts", "errors"}
    assert all(chart.question.endswith("?") for chart in charts.values())


def test_intervals_are_drawn_as_they_stand_in_the_table(
    charts: dict[str, Chart], make_grid: Callable[..., Rows], make_table: ToTable
) -> None:
    tables = {t.key: t for t in all_tables(EpisodeRows.of(make_table(make_grid(tasks=20))))}
    drawn = {r["model"]: (r["low"], r["estimate"], r["high"]) for r in records(charts["success"])}
    tabled = {
        row["model"]: (row["success %"].low, row["success %"].estimate, row["success %"].high)
        for row in rows_of(tables["overall"])
    }
    assert drawn == tabled
    assert all(r["low"] <= r["estimate"] <= r["high"] for r in records(charts["reliability"]))


def test_a_figure_that_the_audit_doubts_is_grey(
    make_grid: Callable[..., Rows], make_table: ToTable
) -> None:
    frame = EpisodeRows.of(make_table(make_grid(tasks=20)))
    tables = all_tables(frame, {"model-a": "distorted by harness", "model-b": "sound"})
    chart = next(c for c in charts_of(tables) if c.key == "success")
    assert {r["model"]: r["holds"] for r in records(chart)} == {"model-a": False, "model-b": True}
    assert "not a result" in chart.caption


def test_every_colour_has_a_dark_one(charts: dict[str, Chart]) -> None:
    """But for the heat map's, whose cells keep their own ground and ink."""
    for key, chart in charts.items():
        if key != "flaws":
            svg = as_svg(chart.spec)
            used = set(re.findall(r"(?:fill|stroke)=\"(#[0-9a-f]{6})\"", svg))
            assert used
            assert used <= set(DARK), key
    assert {INK, MUTED, *SERIES} <= set(DARK)


def test_charts_need_no_style_attribute(charts: dict[str, Chart]) -> None:
    """The page's policy forbids them."""
    for chart in charts.values():
        assert " style=" not in as_svg(chart.spec)


def test_files_stand_on_white_paper(charts: dict[str, Chart]) -> None:
    assert 'fill="#ffffff"' in as_svg_file(charts["success"].spec)
    assert as_png(charts["success"].spec).startswith(b"\x89PNG")


def test_no_name_becomes_code(make_grid: Callable[..., Rows], make_table: ToTable) -> None:
    rows = [
        row
        | {
            "model": HOSTILE,
            "task_type": HOSTILE[i // 12 % 3 :],
            "error_category": HOSTILE[i % 4 :],
        }
        for i, row in enumerate(make_grid(tasks=12, models=("x",)))
    ]
    drawn = charts_of(all_tables(EpisodeRows.of(make_table(rows))))
    assert {chart.key for chart in drawn} >= {"success", "task_types", "errors", "flaws"}
    for chart in drawn:
        svg = as_svg(chart.spec)
        assert "<script" not in svg
        assert "\u202e" not in svg


def test_many_models_get_a_frame_each(make_grid: Callable[..., Rows], make_table: ToTable) -> None:
    rows = make_grid(tasks=10, models=tuple(f"m{i}" for i in range(7)))
    tables = all_tables(EpisodeRows.of(make_table(rows)))
    chart = next(c for c in charts_of(tables) if c.key == "reliability")
    assert "facet" in chart.spec


def test_forty_cells_and_fourteen_models(
    make_episode: Callable[..., dict[str, Any]], make_table: ToTable
) -> None:
    """Every model has its name beside its marks, and an axis has the grid's order."""
    rows = [
        make_episode(model=f"m{m:02}", prompt_type=prompt, tool_success_rate=rate, task_id=f"t{i}")
        for m in range(14)
        for i in range(2)
        for rate in (0.6, 0.7, 0.8, 0.9)
        for prompt in PROMPT_TYPES
    ]
    tables = {table.key: table for table in all_tables(EpisodeRows.of(make_table(rows)))}
    assert len(tables["conditions"].rows) == 14 * 40
    assert [row[1] for row in tables["prompts"].rows[:3]] == ["baseline", "cot", "optimal"]
    spec = {chart.key: chart for chart in charts_of(tuple(tables.values()))}["prompts"].spec
    assert spec["facet"]["field"] == "prompt type"
    assert "legend" not in spec["spec"]["layer"][0]["encoding"].get("color", {})
