"""The format of recorded episodes: JSON Lines, gzip or not, read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import TaskType
from stormproof.errors import ConfigError

_SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


class RecordedMessage(Struct, frozen=True):
    """One message; `action`, `no_action` and `format_issue` are the old harness's own labels."""

    role: str
    content: str
    turn: int
    action: str = ""
    no_action: bool = False
    format_issue: bool = False


class RecordedExecution(Struct, frozen=True):
    """One tool execution that the old harness made."""

    tool: str
    success: bool
    error: str | None = None


class RecordedIssue(Struct, frozen=True):
    """A turn at which the API failed for good."""

    turn: int
    issue: str = ""


class RecordedEpisode(Struct, frozen=True):
    """One line of a recording; `recorded` is what the old harness stored of it."""

    episode_id: str
    model: str
    task_id: str
    task_type: TaskType
    prompt_type: str
    required_tools: tuple[str, ...]
    prompt: str
    messages: tuple[RecordedMessage, ...]
    executions: tuple[RecordedExecution, ...]
    recorded: dict[str, Any]
    api_issues: tuple[RecordedIssue, ...] = ()
    description: str = ""


class BadLine(Struct, frozen=True):
    """A line that could not be read: where it is and what is wrong with it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """`file:line: reason`, as editors jump to it."""
        return f"{self.file}:{self.line}: {self.reason}"


_decode = msgspec.json.Decoder(RecordedEpisode).decode


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The recordings that the paths name, folders expanded. Raises ConfigError where none is."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.endswith(_SUFFIXES))
            if not inside:
                raise ConfigError(
                    f"{path}: no recordings in this folder",
                    hint=f"recordings end in {', '.join(_SUFFIXES)}",
                )
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError(f"{path}: no such file or folder", hint="check the path")
    return found


def read(path: Path) -> Iterator[RecordedEpisode | BadLine]:
    """Every line of one file, as an episode or as what is wrong with it; blank lines are left."""
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse(path, number, line)
    except (OSError, EOFError, zlib.error) as error:
        yield BadLine(str(path), number + 1, f"unreadable from here on: {error}")


def _parse(path: Path, number: int, line: bytes) -> RecordedEpisode | BadLine:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadLine(str(path), number, str(error) or type(error).__name__)


def _open(path: Path) -> BinaryIO:
    """Opened by content, not by name: gzip has a magic number."""
    file = path.open("rb")
    if file.read(2) == b"\x1f\x8b":
        file.close()
        return cast("BinaryIO", gzip.open(path, "rb"))
    file.seek(0)
    return file
