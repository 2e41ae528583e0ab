"""Data goes to stdout, talk to stderr; colour only where a person looks and NO_COLOR is unset."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:  # rich takes 50 ms to import, which --json and --help need not pay
    from rich.console import Console
    from rich.table import Table

PLAIN_WIDTH = 200  # columns where no terminal says how wide it is


def say(text: str) -> None:
    """One line of talk on stderr."""
    sys.stderr.write(text + "\n")


def emit_json(data: Any) -> None:
    """Data on stdout as indented JSON; msgspec records as they are."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")


def output() -> Console:
    """Standard output as a rich console; where it is no terminal, wide enough not to cut."""
    from rich.console import Console  # noqa: PLC0415  see above

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(width=width, soft_wrap=False, highlight=False, emoji=False)


def table(title: str, texts: Iterable[str], figures: Iterable[str] = ()) -> Table:
    """An empty table: text columns on the left, figures to the right, read without colour too."""
    from rich import box  # noqa: PLC0415  see above
    from rich.table import Table  # noqa: PLC0415  see above

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in texts:
        made.add_column(name, overflow="fold")
    for name in figures:
        made.add_column(name, justify="right", overflow="fold")
    return made


def duration(seconds: float) -> str:
    """As people say it: 8 s, 5 min, 3 h 20 min, 2 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004  below a minute and a half, seconds say more
        return f"{seconds:.0f} s"
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"  # noqa: PLR2004
