"""When two values are the same: as a careful person compares them, whatever form they came in.

Numbers are equal within 1e-6 (relative or absolute), texts but for outer space. A list of records
is compared in any order, unless order was asked for; any other list in its own. A text that is a
CSV, JSON, JSON Lines or XML file stands for the value that it holds.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from stormproof.suites.workflows.values import ToolFault
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.formats import parse, recognise
from stormproof.suites.workflows.values.numerics import is_number, number_in

TOLERANCE = 1e-6
_DELIMITERS = ",;\t|"
_DEEPEST = 50  # levels of a record that are compared
_BEYOND_FLOATS = 2**1023


def alike(found: Any, expected: Any, *, ordered: bool = False) -> bool:
    """Whether two values are the same, where either may be the text of a file that holds it."""
    if same(found, expected, ordered=ordered):
        return True
    found_is_text, expected_is_text = isinstance(found, str), isinstance(expected, str)
    if found_is_text and expected_is_text:
        values = (structured(found), structured(expected))
    elif found_is_text or expected_is_text:
        values = (_held(found), _held(expected))
    else:
        return False
    return not isinstance(values[0], str) and same(*values, ordered=ordered)


def structured(value: Any) -> Any:
    """The value that a text plainly holds, be it a file's; any other text as it stands."""
    if not isinstance(value, str):
        return value
    first = value.lstrip()[:1]
    lines = value.strip().split("\n", 2)
    is_table = len(lines) > 1 and any(mark in lines[0] for mark in _DELIMITERS)
    return _held(value) if first in tuple("<{[") or is_table else value


def _held(value: Any) -> Any:
    """The value that a text holds where it is known to hold one, else the text."""
    if not isinstance(value, str):
        return value
    number = number_in(value.strip())
    if number is not None:
        return number
    try:
        return parse(value, recognise(value))
    except ToolFault:
        return value


def same(found: Any, expected: Any, *, ordered: bool = False) -> bool:
    """Whether two values are the same as they stand."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[name], each, ordered=ordered) for name, each in expected.items())
        )
    if isinstance(expected, list | tuple):
        return isinstance(found, list | tuple) and _same_lists(found, expected, ordered=ordered)
    if is_number(expected):
        return is_number(found) and _near(found, expected)
    if isinstance(expected, str):
        return found == expected or (isinstance(found, str) and _lines(found) == _lines(expected))
    return type(found) is type(expected) and bool(found == expected)


def _same_lists(found: Sequence[Any], expected: Sequence[Any], *, ordered: bool) -> bool:
    return len(found) == len(expected) and (
        found == expected  # mostly, and at once
        or _in_order(found, expected, ordered=ordered)
        or (not ordered and _in_any_order(found, expected))
    )


def _in_order(found: Sequence[Any], expected: Sequence[Any], *, ordered: bool = False) -> bool:
    return all(map(functools.partial(same, ordered=ordered), found, expected))


def _in_any_order(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    """For records alone; names and first values are looked at first, for thousands take a while."""
    if not (_are_records(found) and _are_records(expected)):
        return False
    if not any(found[0].keys() == each.keys() for each in expected):
        return False
    name = next(iter(expected[0]), "")
    one, other = (Counter(canonical(each.get(name)) for each in side) for side in (found, expected))
    return one == other and _in_order(sorted(found, key=canonical), sorted(expected, key=canonical))


def _are_records(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, dict) for each in values)


def canonical(value: Any) -> str:
    """Equal for records that are the same, so that they can be sorted and counted.

    Numbers are given to nine digits: no data has more, and noise in the last ones is no matter.
    What lies deeper than any task's data is left out: only an agent's own text goes there.
    """
    return as_json(_plain(value, _DEEPEST))


def _plain(value: Any, levels: int) -> Any:
    if isinstance(value, dict | list | tuple) and levels == 0:
        return None
    if isinstance(value, dict):
        return {name: _plain(value[name], levels - 1) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(each, levels - 1) for each in value]
    if isinstance(value, str):
        return _lines(value)
    if is_number(value):
        return f"{value:.9g}" if abs(value) < _BEYOND_FLOATS else str(value)
    return value


def _near(a: float, b: float) -> bool:
    try:
        return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    except OverflowError:  # integers beyond every double
        return a == b


def _lines(text: str) -> list[str]:
    """Lines without outer space: a last newline is nobody's mistake."""
    return [line.rstrip() for line in text.strip().splitlines()]
