import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import ablation


def by_name(name: str) -> ablation.Variant:
    return next(variant for variant in ablation.variants() if variant.name == name)


def answer(variant: ablation.Variant, program: str) -> str:
    with ablation.changed(variant) as folder:
        words = [sys.executable, "-c", program]
        environ = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(words, env=environ, capture_output=True, check=True, text=True)
    return done.stdout.strip()


def test_a_constant_is_changed_before_anything_is_made_of_it() -> None:
    doubled = by_name("pace.TOLERANCE_S × 2")
    program = "from stormproof.control.pace import Pace; print(Pace(1.0).tolerance_s)"
    assert answer(doubled, program) == "0.04"


def test_whole_numbers_stay_whole_and_above_0() -> None:
    assert [ablation._scaled(x, 0.5) for x in (1, 5, 5.0)] == [1, 2, 2.5]


def test_a_rule_that_is_off_names_nobody() -> None:
    program = "from stormproof.control.blame import used_up; print(repr(used_up(None, None)))"
    assert answer(by_name("blame.used_up off"), program) == "''"


def test_each_variant_has_a_name_of_its_own_and_is_whole() -> None:
    found = [variant.name for variant in ablation.variants()]
    assert len(found) > 100
    assert {name.rpartition(" ")[2] for name in found} == {"off", "0.5", "2"}


def test_what_loses_less_than_a_point_either_way_is_listed_as_such() -> None:
    rows: list[ablation.Row] = [
        {"variant": "cap.A × 0.5", "loss": 0.001, "error": 0.001, "world": "caps"},
        {"variant": "cap.A × 2", "loss": -0.002, "error": 0.001, "world": "caps"},
        {"variant": "cap.B × 0.5", "loss": 0.002, "error": 0.001, "world": "caps"},
        {"variant": "cap.B × 2", "loss": 0.034, "error": 0.012, "world": "drop"},
        {"variant": "cap.cut off", "loss": None},
    ]
    text = ablation.table(rows)
    assert "| cap.B × 2 | 3.4 ± 1.2 | drop |" in text
    assert "| cap.cut off | does not run, or not to an end | |" in text
    assert text.endswith("Less than a point anywhere: cap.A.\n")
