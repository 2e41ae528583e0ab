from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parents[3] / "ultra_parallel_runner.py"
LINE = "--model qwen2.5-72b-instruct --prompt-types optimal --num-instances 60 --rate-mode adaptive"


def typed(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(RUNNER, folder)
    line = [sys.executable, "ultra_parallel_runner.py", *LINE.split(), *more]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def test_the_older_line_runs_with_what_stands_in_venv(tmp_path: Path) -> None:
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "ultra-parallel-runner").symlink_to(
        Path(sys.executable).with_name("ultra-parallel-runner")
    )
    ran = typed(tmp_path, "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "300 trials planned" in ran.stdout


def test_the_older_line_says_what_to_type_where_there_is_no_venv(tmp_path: Path) -> None:
    ran = typed(tmp_path)
    assert ran.returncode == 1
    assert "make run" in ran.stderr
    assert "Traceback" not in ran.stderr
