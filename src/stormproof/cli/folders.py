"""The results folder that a command reads."""

from __future__ import annotations

from pathlib import Path

from stormproof.errors import ConfigError
from stormproof.plan.mistakes import shown

RESULTS = Path("results")


def results_folder(path: Path) -> Path:
    """The folder, if there is one. Raises `ConfigError`."""
    if not path.is_dir():
        what = "is no folder" if path.exists() else "there is no such folder"
        raise ConfigError(
            f"{shown(str(path))[1:-1]}: {what}",
            hint="name a results folder; stormproof run --results FOLDER makes one",
        )
    return path
