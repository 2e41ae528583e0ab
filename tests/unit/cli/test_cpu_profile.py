import cProfile
import time
from pathlib import Path

import pytest

from stormproof.cli.cpu_profile import PROFILE_FILE, by_room, profiled
from stormproof.suites.workflows.tasks import load_task

SUITE = str(Path(load_task.__code__.co_filename))


def test_a_librarys_time_counts_for_the_rooms_that_called_it() -> None:
    wire = SUITE.replace("stormproof/suites", "stormproof/wire")
    one, other = (SUITE, 1, "one"), (wire, 1, "other")
    between, library = ("json.py", 1, "loads"), ("~", 0, "scan")
    alone = ("loop.py", 1, "run")
    calls = {
        one: (1, 1, 0.5, 3.5, {}),
        other: (1, 1, 0.25, 1.25, {}),
        between: (2, 2, 0.0, 4.0, {one: (1, 1, 0.0, 3.0), other: (1, 1, 0.0, 1.0)}),
        library: (4, 4, 4.0, 4.0, {between: (4, 4, 4.0, 4.0)}),
        alone: (1, 1, 2.0, 2.0, {}),
    }
    rooms = by_room(calls)
    assert rooms == pytest.approx({"suites": 3.5, "wire": 1.25, "(loop)": 2.0})


def test_the_file_is_written_even_after_an_error_and_waiting_costs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "results"

    def fail() -> None:
        with profiled(folder):
            time.sleep(0.4)
            load_task("simple_task.easy.54321")
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    lines = (folder / PROFILE_FILE).read_text().splitlines()
    spent = {line.split()[-1]: float(line.split()[0]) for line in lines[:2]}
    assert spent["suites"] < 0.3
    assert any("load_task" in line for line in lines)


def test_profiling_ends_with_the_block(tmp_path: Path) -> None:
    with profiled(tmp_path):
        pass
    with cProfile.Profile():  # would raise, were one still at work
        pass
