"""JSON as a model wrote it, with values that any reader of our records can take.

Bounded in depth, finite, in 64 bits: what a model writes must never be able to stop the store.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST = 100
_BITS = 63
_MOST_FAILURES = 16
_AHEAD = re.compile(r"[^<>{]{0,120}\{")
_SAFE_DIGITS = 18


def _integer(text: str) -> int | str:
    """An integer; one that 64 bits cannot hold stays a text, as no reader of records takes it."""
    if len(text) <= _SAFE_DIGITS:
        return int(text)
    try:
        number = int(text)
    except ValueError:  # thousands of digits
        return text
    return number if number.bit_length() <= _BITS else text


def _number(text: str) -> float | str:
    """A number; an infinite one stays a text, as JSON cannot hold it."""
    number = float(text)
    return number if math.isfinite(number) else text


class TooDeep(ValueError):
    """Nested deeper than any store could keep."""

    def __init__(self) -> None:
        super().__init__(f"nested deeper than {DEEPEST} levels")


_json = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=_number, parse_constant=str)


def read_json(text: str, start: int = 0) -> tuple[Any, int]:
    """The JSON value at `start` and where it ends.

    Every value is one that JSON can carry on: `NaN` and its like are texts. Raises ValueError for
    what is malformed, and its kind `TooDeep`.
    """
    try:
        value, end = _json.raw_decode(text, start)
    except RecursionError:
        raise TooDeep from None
    if text.count("{", start, end) + text.count("[", start, end) > DEEPEST:
        _check_depth(value, DEEPEST)
    return value, end


def read_whole(text: str) -> Any:
    """The value of a text that is JSON and nothing else; raises ValueError as `read_json` does."""
    value, end = read_json(text)
    if end < len(text):
        raise ValueError(f"more text after the value, at character {end + 1}")
    return value


class Objects:
    """Where the JSON objects of one text end, for who looks for marks outside of them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._failures = 0  # from _MOST_FAILURES on none is looked for: each looks at all the text

    def past(self, start: int) -> int:
        """The end of the object that begins soon after `start`, before any tag; else `start`."""
        ahead = _AHEAD.match(self._text, start) if self._failures < _MOST_FAILURES else None
        if ahead is None:
            return start
        try:
            return read_json(self._text, ahead.end() - 1)[1]
        except ValueError:
            self._failures += 1
            return start


def _check_depth(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise TooDeep
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth(each, left - 1)
