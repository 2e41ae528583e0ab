"""Durations as services and people write them: `6m0s`, `12ms`, `1h2m`, `1.5`, `12h`, `2d`."""

from __future__ import annotations

import re

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S, "": 1.0}


def duration_s(text: str | None) -> float | None:
    """Seconds; a number without a unit is of seconds. None for anything else."""
    compact = (text or "").strip().lower()
    if not compact or _PART.sub("", compact):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(compact))


def duration_in_words(seconds: float) -> str:
    """Two units at the most: 2 d 3 h, 11 h 20 min, 7 min, 45 s."""
    for unit_s, unit, part_s, part in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
    ):
        if seconds >= unit_s:
            rest = int(seconds % unit_s // part_s)
            return f"{int(seconds // unit_s)} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{seconds / MINUTE_S:.0f} min" if seconds >= MINUTE_S else f"{seconds:.0f} s"
