from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormproof.suites.workflows.values import ToolFault
from stormproof.suites.workflows.values.expressions import compiled

NUMBERS = st.integers(-50, 50)


@st.composite
def formulas(draw: st.DrawFn, depth: int = 0) -> str:
    if depth > 3 or draw(st.booleans()):
        return str(draw(NUMBERS))
    left, right = draw(formulas(depth + 1)), draw(formulas(depth + 1))
    return f"({left} {draw(st.sampled_from(['+', '-', '*', '/', '//', '%']))} {right})"


@given(formulas())
def test_arithmetic_is_pythons(text: str) -> None:
    try:
        expected = eval(text)  # noqa: S307  built above from digits and operators
    except ZeroDivisionError:
        with pytest.raises(ToolFault, match="zero"):
            compiled(text).run({})
    else:
        assert math.isclose(compiled(text).run({}), expected, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a = 1 AND b <> 'x'", {"a": 1, "b": "y"}, True),
        ("a == 'x = y'", {"a": "x = y"}, True),
        ("a or b", {"a": None, "b": 7.5}, 7.5),
        ("a and b", {"a": 3, "b": 7.5}, 7.5),
        ("a || b || c", {"a": None, "b": 0, "c": None}, None),
        ("a == 'x AND y'", {"a": "x AND y"}, True),
        ("a is null", {"a": None}, True),
        ("a != NULL", {"a": 1}, True),
        ("a && not b", {"a": 1, "b": 0}, True),
        ("a > 1", {"a": None}, False),
        ("a + 1", {"a": None}, None),
        ("a.b.c", {"a": {"b": {"c": 3}}}, 3),
        ("a.b.c", {"a": 1}, None),
        ("b if b != null else a", {"a": 1, "b": None}, 1),
        ("'x' in a", {"a": "box"}, True),
        ("a not in ['x']", {"a": "y"}, True),
        ("upper(a) + '!'", {"a": "hi"}, "HI!"),
        ("lower(a)", {"a": None}, None),
        ("true", {}, True),
    ],
)
def test_spellings_and_nulls(text: str, names: dict[str, Any], expected: Any) -> None:
    assert compiled(text).run(names) == expected


def test_names_are_known_before_running() -> None:
    expression = compiled("price * n > limit")
    assert expression.names == {"price", "n", "limit"}
    with pytest.raises(ToolFault, match="'limit'"):
        expression.check_names(["price", "n"])


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    with contextlib.suppress(ToolFault):
        value = compiled(text).run({})
        assert value is None or isinstance(value, bool | int | float | str | list)
