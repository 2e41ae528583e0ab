"""`runs.jsonl`: what each run in the folder was asked to do, a line each.

A folder takes any number of runs of the same suite and seed; together they say what is planned.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from stormproof.store.disk import sync_folder, told

RUNS_FILE = "runs.jsonl"


def append_run(folder: Path, record: object) -> None:
    """Add a run's record, durable on return. Raises StoreError where it cannot be written."""
    path = folder / RUNS_FILE
    is_new = not path.exists()
    with told("write", path), path.open("ab") as file:
        file.write(b"\n" + msgspec.json.encode(record))  # ends what a crash may have cut short
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(folder)


def read_runs(folder: Path) -> Iterator[dict[str, Any]]:
    """The records, oldest first; a line that a crash cut short is left out."""
    path = folder / RUNS_FILE
    if not path.exists():
        return
    with told("read", path), path.open("rb") as file:
        for line in file:
            try:
                record = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(record, dict):
                yield record
