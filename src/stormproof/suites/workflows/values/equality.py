"""When two values are the same for a goal check."""

from __future__ import annotations

import math
from typing import Any

from stormproof.suites.workflows.values.numerics import is_number

TOLERANCE = 1e-6


def same(found: Any, expected: Any) -> bool:
    """Equal structure; numbers within 1e-6 (relative or absolute), texts but for outer space."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[name], value) for name, value in expected.items())
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    if is_number(expected):
        return is_number(found) and math.isclose(
            found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE
        )
    if isinstance(expected, str):
        return isinstance(found, str) and _lines(found) == _lines(expected)
    return type(found) is type(expected) and bool(found == expected)


def _lines(text: str) -> list[str]:
    """Lines without outer space: a last newline is nobody's mistake."""
    return [line.rstrip() for line in text.strip().splitlines()]
