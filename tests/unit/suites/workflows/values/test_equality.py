from __future__ import annotations

from typing import Any

import pytest

from stormproof.suites.workflows.values.equality import same


@pytest.mark.parametrize(
    ("found", "expected", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (1.00001, 1, False),
        (1e9 + 1, 1e9, True),
        (True, 1, False),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        (None, "", False),
        (" a \nb\r\n", " a\nb", True),
        ("a b", "a  b", False),
        ([1, 2], (1, 2), True),
        ([2, 1], [1, 2], False),
        ([1, 2, 3], [1, 2], False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
    ],
)
def test_same(found: Any, expected: Any, *, equal: bool) -> None:
    assert same(found, expected) is equal
