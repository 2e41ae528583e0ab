"""Mistakes in what the user wrote: all of them at once, each with its place and a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from stormproof.errors import ConfigError

KeyPath = tuple[str | int, ...]

MAX_SHOWN = 60  # characters of a found value
MAX_DIGITS = 10**30  # longer numbers are described, not written
MAX_LISTED = 40  # mistakes; a file with more is not read further by anyone
SECRET_LIKE = re.compile(
    r"sk-\S{6,}|\bBearer\s+\S+|(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{32,}"
)


class Mistakes:
    """Collects mistakes of one source (a file, or the command line) and raises them together."""

    def __init__(self, source: str, lines: Mapping[KeyPath, int] | None = None) -> None:
        self._source = source
        self._lines = lines or {}
        # Text → the line that it is about, 0 where there is none. It only grows; a text that is
        # noted twice stands once, at the line where it came first.
        self._texts: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(
        self, path: KeyPath, found: str, allowed: str, *, near: str = "", among: Iterable[str] = ()
    ) -> None:
        """Note one mistake. `near` is the wrong name, looked up `among` the right ones."""
        line = self._line(path)
        where = f"{self._source}:{line}" if line else self._source
        place = f"{where}: {key_path(path)}" if path else where
        self.note(f"{place}: found {found}; allowed: {allowed}{did_you_mean(near, among)}", line)

    def note(self, text: str, line: int = 0) -> None:
        """Note a mistake that brings its own place."""
        self._texts.setdefault(text, line)

    def raise_all(self, error: type[ConfigError], *, hint: str = "") -> None:
        """Raise `error` with every mistake, a line each; do nothing when there is none."""
        if not self._texts:
            return
        in_order = sorted(self._texts, key=lambda text: self._texts[text])
        shown = in_order[:MAX_LISTED]
        if rest := len(in_order) - len(shown):
            shown.append(f"… and {rest} more")
        raise error("\n".join(shown), hint=hint)

    def _line(self, path: KeyPath) -> int:
        """The line of the key, or of what it stands in."""
        prefixes = (path[:depth] for depth in range(len(path), 0, -1))
        return next((self._lines[p] for p in prefixes if p in self._lines), 0)


def did_you_mean(name: str, among: Iterable[str]) -> str:
    """`; did you mean "…"?` for a near miss, else nothing. Case does not count as a difference."""
    spellings = {other.casefold(): other for other in among}
    near = difflib.get_close_matches(name.casefold()[:200], spellings, n=1, cutoff=0.6)
    return f"; did you mean {shown(spellings[near[0]])}?" if near else ""


def key_path(path: KeyPath) -> str:
    """The path as TOML writes it: `models."gpt 5".deployments[2]`."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{_key(p)}" for p in path)
    return text.removeprefix(".")


def _key(name: str) -> str:
    is_bare = re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name) and not SECRET_LIKE.search(name)
    return name if is_bare else shown(name)


def shown(value: object) -> str:
    """A found value, fit for a terminal: one line, short, and never what looks like a secret."""
    if isinstance(value, int) and abs(value) >= MAX_DIGITS:
        return f"a number of about {value.bit_length() * 3 // 10} digits"
    if not isinstance(value, str):
        return type_name(value) if isinstance(value, dict | list) else str(value)
    if SECRET_LIKE.search(value):
        return f"a text of {len(value)} characters that looks like a secret (not shown)"
    visible = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value[:MAX_SHOWN])
    return f'"{visible}{"…" if len(value) > MAX_SHOWN else ""}"'


def type_name(value: object) -> str:
    """What a TOML reader would call the value."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text",
             list: "a list", dict: "a table"}  # fmt: skip
    return names.get(type(value), "a date or time")
