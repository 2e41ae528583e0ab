"""Data goes to stdout, talk to stderr; colour only where a person looks and NO_COLOR is unset."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

import msgspec

_BEYOND_ASCII = re.compile("[\x7f-\U0010ffff]")  # JSON itself escapes what lies below


def say(text: str) -> None:
    """One line of talk on stderr; where nobody can hear it, nothing ends for that."""
    with suppress(OSError):
        sys.stderr.write(harmless(text) + "\n")
    end_talk()


def harmless(text: str) -> str:
    """Without what steers a terminal or turns its writing round; providers and models write too."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def end_talk() -> None:
    """What stderr still holds is heard, or goes nowhere: flushing it at exit must not fail."""
    try:
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """What the stream still holds goes nowhere, so that flushing it at exit fails no more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def emit_json(data: Any) -> None:
    """Data on stdout as indented JSON; msgspec records as they are.

    What would steer a terminal stands as an escape, so that the data are the same.
    """
    text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    sys.stdout.write(_BEYOND_ASCII.sub(_visible, text) + "\n")


def _visible(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def counted(count: int, what: str) -> str:
    """`1 episode`, `2,000 episodes`."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """As people say it: 8 s, 5 min, 3 h 20 min, 2 d 4 h."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004  below a minute and a half, seconds say more
        return f"{seconds:.0f} s"
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"  # noqa: PLR2004
