"""Numbers: what is one, what a text's number is, and results that are equal on every machine."""

from __future__ import annotations

import math
import re
from typing import Any, TypeGuard

from stormproof.suites.workflows.values import ToolFault

FEW_BITS = 63  # of an integer that every reader of JSON takes
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?")


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_in(text: str) -> int | float | None:
    """The number that a text is, else None. `007` and `1,000` are texts, not numbers."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def tidy(number: float) -> float:
    """A result to ten significant digits: no 0.30000000000000004, the same on every machine.

    An integer stays as it is where readers of JSON take it, else it becomes the nearest double.
    Raises ToolFault: OVERFLOW beyond the greatest double, CALCULATION_ERROR where undefined.
    """
    if isinstance(number, int):
        return number if number.bit_length() <= FEW_BITS else tidy(_double(number))
    return finite(float(f"{finite(number):.10g}"))  # the greatest doubles are rounded beyond


def finite(number: float) -> float:
    """The number. Raises ToolFault where it is infinite (OVERFLOW) or none (CALCULATION_ERROR)."""
    if math.isinf(number):
        raise too_large()
    if math.isnan(number):
        raise ToolFault("CALCULATION_ERROR", "The result is undefined.")
    return number


def too_large() -> ToolFault:
    """Beyond the greatest double."""
    return ToolFault("OVERFLOW", "The result is too large.")


def _double(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        raise too_large() from None


def total(numbers: list[int | float]) -> float:
    """Their sum: exact for integers, correctly rounded for others."""
    if all(isinstance(n, int) for n in numbers):
        return tidy(sum(numbers))
    return tidy(math.fsum(numbers))
