import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import shared_sim
import speed

MEASURED = {"commit": "abc1234", "load": 0.5}
SPEED_UP = {"part": "scaling", "endpoints": 3, "speed_up": 2.98, "target": 2.94} | MEASURED
PAGE = (
    "before\n<!-- scaling: begin -->\nold\n<!-- scaling: end -->\nbetween\n"
    "<!-- peers: begin -->\nkept\n<!-- peers: end -->\nafter\n"
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "speed.md"
    path.write_text(PAGE)
    monkeypatch.setattr(speed, "PAGE", path)
    return path


def test_a_part_is_replaced_and_nothing_else(page: Path) -> None:
    speed.write([SPEED_UP])
    text = page.read_text()
    assert "old" not in text
    assert "| 3 equal endpoints | 2.98 × | ≥ 2.94 × |" in text
    assert "Measured on abc1234; load as it began: 0.5 to 0.5." in text
    assert text.startswith("before\n")
    assert "between\n<!-- peers: begin -->\nkept\n<!-- peers: end -->\nafter\n" in text


def test_a_page_without_marks_is_left_alone(page: Path) -> None:
    page.write_text("nothing\n")
    with pytest.raises(SystemExit, match="scaling: begin"):
        speed.write([SPEED_UP])
    assert page.read_text() == "nothing\n"


def test_the_page_has_a_place_for_each_part() -> None:
    text = speed.PAGE.read_text()
    for name in speed.PARTS:
        assert text.count(f"<!-- {name}: begin -->") == text.count(f"<!-- {name}: end -->") == 1


def test_the_worst_seed_stands_beside_the_median() -> None:
    rows = [{"delivered": x, "refused": 0.01} for x in (0.98, 0.95, 0.97)]
    assert speed.middle(rows) == "0.970 (0.950), 1.0%"
    assert speed.middle(rows[:1]) == "0.980, 1.0%"
    assert speed.middle([]) == "–"


def test_rows_of_one_commit_or_of_several_say_so() -> None:
    other = SPEED_UP | {"commit": "def5678", "load": 1.5}
    text = speed.shown("scaling", [SPEED_UP, other])
    assert text.endswith("Measured on abc1234 and def5678; load as it began: 0.5 to 1.5.")


def test_the_size_is_of_all_controllers() -> None:
    found = speed.count()
    assert found["lines"] > found["attributes"] > found["constants"] > 0


def test_the_model_gives_way_and_what_fails_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "say.py"
    script.write_text(
        "import json, os, sys, time\n"
        "until = time.monotonic() + 10 * (os.getsid(0) == os.getpid())\n"
        "while os.nice(0) < 19 and time.monotonic() < until: time.sleep(0.01)\n"
        "print(json.dumps({'nice': os.nice(0), 'alone': os.getsid(0) == os.getpid()}))\n"
        "sys.exit(sys.argv[1:] == ['fails'])\n"
    )
    parts = {
        "model": speed.Part(speed.size, [f"{script} a", f"{script} fails"], "", model=True),
        "step": speed.Part(speed.size, [f"{script} a"], ""),
        "http": speed.Part(speed.size, [f"{script} a"] * 3, "", at_once=2),
    }
    monkeypatch.setattr(speed, "PARTS", parts)
    rows: list[speed.Row] = []
    measuring = speed.Measuring(rows.append)
    measuring.all_of([*parts], quick=False, at_once=None)
    found = sorted((row["part"], row["nice"], row["alone"]) for row in rows)
    timed = [(part, os.nice(0), False) for part in ("http", "http", "http", "step")]
    assert found == sorted([*timed, ("model", 19, True), ("model", 19, True)])
    assert measuring.failed == {"model": f"{script} fails"}


def test_each_shared_world_says_what_it_is() -> None:
    figures = {"seed": 0, "delivered": 0.9, "refused": 0.01, "fairness": 1.0, "blamed": 0}
    text = speed.shared([{"world": world} | figures for world in shared_sim.WORLDS])
    assert "| own_caps: Requests in flight: 3 to 200 | 0.900, 1.0% | 0.900 | 1.00 | 0.0 |" in text
