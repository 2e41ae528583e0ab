from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stormproof.report.chart_drawing import as_svg
from stormproof.report.endpoint_charts import MOST_ENDPOINTS, run_charts


def sample(t: float, refused: int = 0, **fields: Any) -> dict[str, Any]:
    line: dict[str, Any] = {"id": "e1", "t": t, "in_flight": 3, "window": 5, "rps": 2.0}
    return line | {"refused": refused} | fields


def records(folder: Path, *samples: dict[str, Any], chart: int = 0) -> list[dict[str, Any]]:
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, samples)))
    found: list[dict[str, Any]] = run_charts(folder)[chart].spec["data"]["values"]
    return found


def test_refusals_are_a_rate_of_a_running_count(tmp_path: Path) -> None:
    found = records(tmp_path, sample(1, 0), sample(3, 6), sample(4, 6))
    assert [(r["t"], r["refused"]) for r in found] == [(1, 0), (3, 3), (4, 0)]


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    """Its clock and its counts begin at zero again."""
    found = records(tmp_path, sample(1), sample(2, 8), sample(1, 2), sample(2, 2))
    assert [(r["t"], r["refused"]) for r in found] == [(1, 0), (2, 8), (3, 2), (4, 0)]


def test_long_runs_are_thinned_without_losing_a_refusal(tmp_path: Path) -> None:
    found = records(tmp_path, *(sample(t, 10 * (t > 5000)) for t in range(1, 10_001)))
    assert len(found) <= 160
    size = 10_000 / len(found)
    assert abs(sum(r["refused"] for r in found) * size - 10) < 1


def test_an_unbounded_window_is_drawn_as_none(tmp_path: Path) -> None:
    found = records(tmp_path, sample(1, window=None), sample(2, window=None))
    assert [r["window"] for r in found] == [None, None]
    assert as_svg(run_charts(tmp_path)[0].spec).startswith("<svg")


def test_idle_endpoints_and_torn_lines_are_left_out(tmp_path: Path) -> None:
    found = records(tmp_path, sample(1), sample(1, id="idle", in_flight=0, rps=0))
    assert {r["endpoint"] for r in found} == {"e1"}
    with (tmp_path / "pool.jsonl").open("a") as file:
        file.write('\n{"id": "e1", "t": 2')
    assert len(run_charts(tmp_path)[0].spec["data"]["values"]) == 1


def test_of_many_endpoints_the_busiest_are_shown_and_it_is_said(tmp_path: Path) -> None:
    lines = [sample(1, id=f"e{i:02}", in_flight=i + 1) for i in range(MOST_ENDPOINTS + 6)]
    found = records(tmp_path, *lines)
    assert len({r["endpoint"] for r in found}) == MOST_ENDPOINTS
    assert "e00" not in {r["endpoint"] for r in found}
    assert "24 busiest of 30" in run_charts(tmp_path)[0].caption


def test_the_rules_of_the_last_cuts_are_named(tmp_path: Path) -> None:
    cut = [sample(1, id="e1", rule="far below"), sample(1, id="e2", rule="number")]
    records(tmp_path, *cut, sample(1, id="e3"), sample(2, id="e2", rule="far below"))
    assert run_charts(tmp_path)[0].caption.endswith("by these rules: far below (2).")


def test_without_samples_there_is_no_chart(tmp_path: Path) -> None:
    assert run_charts(tmp_path) == ()
    (tmp_path / "pool.jsonl").write_text("")
    assert run_charts(tmp_path) == ()


def test_what_two_machines_saw_of_an_endpoint_is_no_series_of_one(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    for source in "ab":
        (tmp_path / "pool" / f"{source}.jsonl").write_text(json.dumps(sample(1)))
    found = records(tmp_path, sample(1))
    assert {r["endpoint"] for r in found} == {"e1", "e1 (a)", "e1 (b)"}
