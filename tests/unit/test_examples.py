"""The examples, run as a reader would run them, all at once."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
SAYS = {
    "compare_prompts": "models are SIMULATED",
    "episodes_with_sql": "'episodes': 3",
    "pool_in_python": "800 of 800 trials to run",
    "run_with_progress": "4 of 4 trials scored",
    "scripted_model": "passed",
}


def test_each_runs_and_says_what_it_found(tmp_path: Path) -> None:
    running = {
        path.stem: subprocess.Popen(
            [sys.executable, "-W", "error", path],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for path in EXAMPLES
    }
    ended = {
        name: (*process.communicate(), process.returncode) for name, process in running.items()
    }
    assert {name: said[1] for name, said in ended.items() if said[2]} == {}
    silent = {name for name, text in SAYS.items() if text not in ended[name][0].decode()}
    assert silent == set()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_fits_on_a_screen(path: Path) -> None:
    assert path.stem in SAYS
    assert len(path.read_text().splitlines()) <= 40
