import ast
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import ablation
from reached import ALWAYS, Reached, reads
from worlds import WORLDS


def by_name(name: str) -> ablation.Variant:
    return next(variant for variant in ablation.variants() if variant.name == name)


def answer(variant: ablation.Variant, program: str) -> str:
    with ablation.changed(variant) as folder:
        words = [sys.executable, "-c", program]
        environ = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(words, env=environ, capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_a_constant_is_changed_before_anything_is_made_of_it() -> None:
    doubled = by_name("rate.GUESS × 2")
    program = "from stormproof.control.rate import RateLimit as R; print(*R.cut.__defaults__)"
    assert answer(doubled, program) == "1.2"


def test_whole_numbers_stay_whole_and_above_0() -> None:
    assert [ablation._scaled(x, 0.5) for x in (1, 5, 5.0)] == [1, 2, 2.5]


def test_a_rule_that_is_off_names_nobody() -> None:
    program = "from stormproof.control.blame import number; print(repr(number(None, None)))"
    assert answer(by_name("blame.number off"), program) == "''"


def test_each_variant_has_a_name_of_its_own_and_is_whole() -> None:
    found = [variant.name for variant in ablation.variants()]
    assert len(found) > 100
    assert {name.rpartition(" ")[2] for name in found} == {"off", "0.5", "2"}


def test_a_constant_is_reached_where_it_or_what_is_made_of_it_is_read() -> None:
    text = """
        BASE = 2
        MADE = BASE * 2
        OTHER = 3
        def f(x=OTHER):
            if x:
                return BASE
            return MADE
    """
    trees = {
        "one": ast.parse(dedent(text)),
        "two": ast.parse("BASE = 1\ndef g():\n    return BASE"),
        "three": ast.parse("from one import BASE\ndef h():\n    return BASE"),
    }
    assert reads(trees, "one", "BASE") == {("one", 7), ("one", 8), ("three", 3)}
    assert reads(trees, "one", "OTHER") == {ALWAYS}


def test_lines_that_ran_and_functions_that_said_yes_are_reached(tmp_path: Path) -> None:
    (tmp_path / "limits.py").write_text("def yes(x):\n    if x:\n        return 1\n    return 0\n")
    code = compile((tmp_path / "limits.py").read_text(), str(tmp_path / "limits.py"), "exec")
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102  the two functions above
    wanted = {("limits", line) for line in (2, 3, 4, -1)}
    with Reached(tmp_path, wanted) as never:
        space["yes"](0)
    with Reached(tmp_path, wanted - {("limits", 2)}) as also:
        space["yes"](0)
        space["yes"](1)
    assert never.places == {ALWAYS, ("limits", 2), ("limits", 4)}
    assert also.places == {ALWAYS, ("limits", 4), ("limits", 3), ("limits", -1)}


def test_a_function_that_only_says_yes_matters_where_it_does() -> None:
    first, second = ast.parse(
        "def yes(a):\n    return a > 1\ndef acts(a):\n    a.b = 1\n    return True"
    ).body
    assert isinstance(first, ast.FunctionDef)
    assert isinstance(second, ast.FunctionDef)
    assert (ablation._place(first), ablation._place(second)) == (-1, 4)


def test_the_first_look_leaves_no_world_out() -> None:
    plays = {world: ablation.first_plays(world, 300, 400) for world in WORLDS}
    assert min(len(each) for each in plays.values()) > 2
    assert {play.seconds for play in plays["three_a_minute"]} == {3600}
    assert {play.seconds for play in plays["drop"]} == {300}


def test_where_an_endpoint_goes_as_it_went_nothing_is_lost() -> None:
    plays = [ablation.Play(ablation.SHARED + "x", 0, 0, n, 10.0) for n in range(2)]
    bench = object.__new__(ablation.Bench)
    bench.found = {play: ablation.Got(0.9, 100, 0) for play in plays}
    bench.costs = {play: [-0.9, -0.88, -0.92] for play in plays}
    assert bench._seems(plays, {plays[0]: ablation.Got(0.9, 100, 0)}) == (0.0, 0.0)
    loss, error = bench._seems(plays, {plays[0]: ablation.Got(0.5, 100, 10)})
    assert loss == pytest.approx(0.25)
    assert error == pytest.approx(0.01 * (1 + 1 / ablation.NETWORKS) ** 0.5)


def test_a_loss_that_matters_is_named_before_a_surer_gain() -> None:
    seen = {
        "gains": ablation.Loss(-0.09, 0.001),
        "loses": ablation.Loss(0.03, 0.01),
        "hardly": ablation.Loss(0.005, 0.001),
    }
    assert ablation.surest(seen) == "loses"
    del seen["loses"]
    assert ablation.surest(seen) == "gains"


def test_what_loses_less_than_a_point_either_way_is_listed_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(ablation.KEPT, "fixed.cut", "what is declared")
    rows: list[ablation.Row] = [
        {"variant": "cap.A × 0.5", "loss": 0.001, "error": 0.001, "world": "caps", "again": 0},
        {"variant": "cap.A × 2", "loss": -0.02, "error": 0.03, "world": "caps", "again": 0},
        {"variant": "cap.B × 0.5", "loss": 0.002, "error": 0.001, "world": "caps", "again": 6},
        {"variant": "cap.B × 2", "loss": 0.034, "error": 0.012, "world": "drop", "again": 4},
        {"variant": "cap.C × 2", "loss": -0.02, "error": 0.01, "world": "drop", "again": 0},
        {"variant": "cap.cut off", "loss": None},
        {"variant": "fixed.cut off", "loss": 0.0},
        {"variant": "cap.d off", "loss": 0.002, "error": 0.001, "world": "caps", "again": 0},
    ]
    text = ablation.table(rows)
    assert "| cap.B × 2 | 3.4 ± 1.2 | drop | 4 |" in text
    assert "| cap.C × 2 | -2.0 ± 1.0 | drop | first look |" in text
    assert "| cap.cut off | does not run, or not to an end | | |" in text
    assert "Half and twice as much do as well: cap.A.\n" in text
    assert "| fixed.cut | what is declared |" in text
    assert text.endswith("for no known reason: cap.d.\n")


def test_what_is_kept_for_a_reason_is_there() -> None:
    assert {f"{name} off" for name in ablation.KEPT} <= {x.name for x in ablation.variants()}
