"""The older runner's line: `python ultra_parallel_runner.py …` is `stormproof run …` of .venv."""

import os
import sys
from pathlib import Path

command = Path(__file__).resolve().with_name(".venv") / "bin" / "ultra-parallel-runner"
if not command.exists():
    sys.exit(f"error: no {command}\nhint: type make run beside this file; it makes one")
os.execv(command, [str(command), *sys.argv[1:]])  # noqa: S606  no shell, the arguments as they came
