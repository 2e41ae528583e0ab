from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("0.1 + 0.2", 0.3),
        ("sum(amount)", 61.5),
        ("round(mean(amount) / 3, 2)", 6.83),
        ("max(id) - min(id)", 3),
        ("sqrt(16) + abs(-2) ** 3", 12),
        ("count(amount)", 3),
    ],
)
def test_formulas(orders: Any, expression: str, expected: float) -> None:
    made = orders.call("computation_calculator", expression=expression)
    assert made == pytest.approx(expected)


def test_a_bare_call_sums_all_numbers(orders: Any) -> None:
    assert orders.call("computation_calculator") == 71.5


def test_a_number_is_called_value_and_fields_by_name(bench: Any) -> None:
    here = bench()
    here.call("computation_calculator", expression="10 * 2")
    assert here.call("computation_calculator", expression="value * 1.5") == 30
    order = {"price": 3, "n": 4, "tax": {"rate": 0.5}}
    call = {"expression": "price * n * (1 + tax.rate)", "input": order}
    assert here.call("computation_calculator", **call) == 18


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 / 0", "CALCULATION_ERROR"),
        ("sqrt(-1)", "CALCULATION_ERROR"),
        ("(-8) ** 0.5", "CALCULATION_ERROR"),
        ("mean([])", "CALCULATION_ERROR"),
        ("10 ** 400", "OVERFLOW"),
        ("9 ** 9 ** 9 ** 9", "OVERFLOW"),
        ("1e308 * 10", "OVERFLOW"),
        ("exp(1000)", "OVERFLOW"),
        ("amount + 1", "INVALID_INPUT"),
        ("total * 2", "INVALID_INPUT"),
        ("'a' * 1000000000", "INVALID_INPUT"),
        ("[].__class__", "INVALID_INPUT"),
        ("(lambda: 1)()", "INVALID_INPUT"),
        ("-" * 400 + "1", "INVALID_INPUT"),
        ("1 +" * 300, "INVALID_INPUT"),
        ("'x'", "INVALID_INPUT"),
    ],
)
def test_what_cannot_be_calculated(orders: Any, expression: str, code: str) -> None:
    assert orders.fault("computation_calculator", expression=expression)[0] == code
