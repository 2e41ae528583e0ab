"""TOML files read whole or refused in words, with the line of every key where it can be known."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from stormproof.errors import ConfigError
from stormproof.plan.mistakes import KeyPath, shown

MAX_BYTES = 500_000
MAX_LINE = 4_000  # the reader's time is quadratic in the parts of a dotted key

_ENTRY = re.compile(
    r"""^\s*(?P<key>(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')
        (?:\s*\.\s*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*=""",
    re.VERBOSE,
)


def read_toml(path: Path, error: type[ConfigError]) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The file's data and the line of each key. Raises `error` for what is not readable TOML."""
    text = _read(path, error)
    try:
        return tomllib.loads(text), _line_numbers(text)
    except RecursionError:
        raise error(f"{path}: nested too deeply to be meant") from None
    except ValueError as problem:  # TOMLDecodeError, or a number of more than 4,300 digits
        raise error(f"{path}{_placed(str(problem))}") from None


def _placed(problem: str) -> str:
    """`:2: not valid TOML: …`, with the place first as everywhere else."""
    at = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", problem, re.DOTALL)
    place, reason = (f":{at[2]}", at[1]) if at else ("", problem)
    return f"{place}: not valid TOML: {shown(reason)[1:-1]}"


def _read(path: Path, error: type[ConfigError]) -> str:
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "there is no such file"
            raise error(f"{shown(str(path))[1:-1]}: {what}", hint="check the path")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise error(f"{path}: larger than {MAX_BYTES:,} bytes; this is no hand-written file")
        return _checked(path, data.decode("utf-8-sig").replace("\r\n", "\n"), error)
    except UnicodeDecodeError as problem:
        raise error(f"{path}: not UTF-8 at byte {problem.start}") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise error(f"{shown(str(path))[1:-1]}: cannot be read: {reason}") from None


def _checked(path: Path, text: str, error: type[ConfigError]) -> str:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise error(
                f"{path}:{number}: a line of {len(line):,} characters; allowed: {MAX_LINE:,}"
            )
    return text


def _line_numbers(text: str) -> dict[KeyPath, int]:
    """Lines of tables and of keys that begin a line; inline tables stand at their key's line."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith("["):
            table = _parsed_key(line) or table
            path: KeyPath = table
        elif entry := _ENTRY.match(line):
            path = (*table, *_parsed_key(f"{entry['key']} = 0"))
        else:
            continue
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], number)
    return lines


def _parsed_key(line: str) -> KeyPath:
    """The key path of a header or an entry, by the TOML reader itself; () where it is neither."""
    try:
        data: Any = tomllib.loads(line)
    except ValueError:
        return ()
    path: KeyPath = ()
    while isinstance(data, dict) and data:
        name, data = next(iter(data.items()))
        path = (*path, name)
    return path
