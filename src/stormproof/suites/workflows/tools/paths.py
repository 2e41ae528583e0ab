"""Paths of the workspace: all are relative to its root, and none leads out of it."""

from __future__ import annotations

import difflib

from stormproof.suites.workflows.values.faults import ToolFault, invalid
from stormproof.suites.workflows.values.tables import listed
from stormproof.suites.workflows.world import World

MOST_FILES = 200
LARGEST = 2_000_000  # characters of a file that is written
_LONGEST_PATH = 200


def cleaned(path: str) -> str:
    """The path without `./`, a leading `/` and doubled slashes. Raises ToolFault for `..`."""
    parts = [part for part in path.strip().split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ToolFault("PERMISSION_DENIED", f"{path[:80]} lies outside the workspace.")
    if not parts or len(path) > _LONGEST_PATH:
        raise invalid(f"This is not a path: {path[:80]!r}.")
    return "/".join(parts)


def find_file(world: World, path: str) -> str:
    """The cleaned path of a file that is there. Raises ToolFault, FILE_NOT_FOUND or else."""
    clean = cleaned(path)
    if clean in world.files:
        return clean
    close = difflib.get_close_matches(clean, world.files, n=1)
    meant = f" Did you mean {close[0]}?" if close else f" Files are: {listed(world.files)}."
    raise ToolFault("FILE_NOT_FOUND", f"There is no file {clean}.{meant}")


def put_file(world: World, path: str, text: str) -> str:
    """Write a file; returns its cleaned path. The task's own files are read-only."""
    clean = cleaned(path)
    if clean in world.task.files:
        raise ToolFault("PERMISSION_DENIED", f"{clean} is an input and read-only. Write elsewhere.")
    if len(text) > LARGEST or (len(world.files) >= MOST_FILES and clean not in world.files):
        raise ToolFault("OPERATION_FAILED", "The workspace is full.")
    world.files[clean] = text
    return clean
