from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

# --- computation_analyzer ---------------------------------------------------------------------


def test_describes_numbers_and_texts(orders: Any) -> None:
    made = orders.call("computation_analyzer")
    assert made["records"] == 4
    assert made["fields"]["amount"] == {
        "count": 3,
        "missing": 1,
        "mean": 20.5,
        "median": 20,
        "stdev": pytest.approx(10.259142),
        "min": 10.5,
        "max": 31,
    }
    # equally common: the first in the alphabet
    assert made["fields"]["status"] == {
        "count": 4,
        "missing": 0,
        "distinct": 2,
        "most_common": "open",
    }


def test_one_field_has_its_outliers(bench: Any) -> None:
    rows = [{"x": x} for x in (1, 2, 3, 4, 5, 100)]
    made = bench().call("computation_analyzer", input=rows, field="x")
    assert made["fields"]["x"]["outliers"] == [100]


def test_a_blank_is_missing_and_no_outlier(bench: Any) -> None:
    rows = [{"x": value} for value in (1, " ", 2, 3, None, 2, 100)]
    made = bench().call("computation_analyzer", input=rows, field="x")
    assert (made["fields"]["x"]["missing"], made["fields"]["x"]["outliers"]) == (2, [100])


def test_findings_are_not_taken_for_records(orders: Any) -> None:
    orders.call("computation_analyzer")
    assert len(orders.call("data_processing_filter")) == 3


def test_an_unknown_field_is_told(orders: Any) -> None:
    assert "region" in orders.fault("computation_analyzer", field="region")[1]


# --- computation_calculator -------------------------------------------------------------------


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


# --- computation_optimizer --------------------------------------------------------------------


def test_no_choice_is_better(bench: Any) -> None:
    draws = random.Random(5)
    for _ in range(20):
        rows = [{"v": draws.randint(0, 20), "c": draws.uniform(0, 9)} for _ in range(9)]
        call = {"input": rows, "value": "v", "cost": "c", "budget": 15}
        made = bench().call("computation_optimizer", **call)
        assert made["total_value"] == _best(rows, 15)
        assert made["total_cost"] <= 15
        assert sum(r["v"] for r in made["chosen"]) == made["total_value"]


def _best(rows: list[dict[str, float]], budget: float) -> float:
    choices = itertools.product((0, 1), repeat=len(rows))
    return max(
        sum(r["v"] * x for r, x in zip(rows, choice, strict=True))
        for choice in choices
        if sum(r["c"] * x for r, x in zip(rows, choice, strict=True)) <= budget
    )


def test_divisible_records_fill_the_budget(bench: Any) -> None:
    rows = [{"v": 60, "c": 10}, {"v": 100, "c": 20}, {"v": 120, "c": 30}]
    call = {"input": rows, "value": "v", "cost": "c", "budget": 50, "divisible": True}
    made = bench().call("computation_optimizer", **call)
    assert made["total_value"] == pytest.approx(240)
    assert made["chosen"][-1]["share"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "rows",
    [
        [{"v": 1, "c": -1}],
        [{"v": 1, "c": None}],
        [{"v": 1}],
        [{"v": 1, "c": 1}] * 61,
    ],
)
def test_unfit_records_are_refused(bench: Any, rows: Any) -> None:
    call = {"input": rows, "value": "v", "cost": "c", "budget": 5}
    assert bench().fault("computation_optimizer", **call)[0] == "INVALID_INPUT"


def test_too_many_choices_end_soon(bench: Any) -> None:
    draws = random.Random(1)
    rows = [{"v": (x := draws.random()), "c": x} for _ in range(60)]
    call = {"input": rows, "value": "v", "cost": "c", "budget": 30}
    assert bench().fault("computation_optimizer", **call)[0] == "OPERATION_FAILED"


# --- computation_predictor --------------------------------------------------------------------


ROWS = [{"month": m, "sales": s} for m, s in [(1, 10), (2, 12.5), (4, 13), (5, 19)]]


def test_agrees_with_numpy(bench: Any) -> None:
    made = bench().call("computation_predictor", input=ROWS, field="sales", by="month", at=[6, 10])
    slope, intercept = np.polyfit([r["month"] for r in ROWS], [r["sales"] for r in ROWS], 1)
    assert made["slope"] == pytest.approx(slope)
    assert made["intercept"] == pytest.approx(intercept)
    assert made["predictions"] == pytest.approx([intercept + slope * 6, intercept + slope * 10])


def test_a_bare_call_continues_the_last_numeric_field(bench: Any) -> None:
    here = bench()
    here.call("data_processing_parser", input="day,visits\na,10\nb,20\nc,30\n")
    made = here.call("computation_predictor", steps=2)
    assert made["field"] == "visits"
    assert made["r_squared"] == 1
    assert made["predictions"] == [40, 50]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"field": "profit"}, "INVALID_INPUT"),
        ({"steps": 0}, "INVALID_INPUT"),
        ({"steps": 10**9}, "INVALID_INPUT"),
        ({"input": [{"x": 1}]}, "INVALID_INPUT"),
        ({"input": [{"x": 1, "y": 1}, {"x": 1, "y": 2}], "by": "x"}, "CALCULATION_ERROR"),
    ],
)
def test_no_line(bench: Any, call: Any, code: str) -> None:
    assert bench().fault("computation_predictor", **{"input": ROWS, **call})[0] == code


# --- computation_simulator --------------------------------------------------------------------


def test_without_chance_it_is_compound_growth(bench: Any) -> None:
    made = bench().call("computation_simulator", start=100, growth=0.1, steps=3)
    assert made["path"] == pytest.approx([110, 121, 133.1])
    assert made["mean"] == made["low"] == made["high"] == pytest.approx(133.1)


def test_chance_is_seeded(bench: Any) -> None:
    def run(seed: int) -> Any:
        call = {"start": 100, "growth": 0.01, "volatility": 0.1, "seed": seed}
        return bench().call("computation_simulator", **call)

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert run(1)["low"] < run(1)["mean"] < run(1)["high"]


def test_starts_from_the_latest_number(bench: Any) -> None:
    here = bench()
    here.call("computation_calculator", expression="5 * 4")
    assert here.call("computation_simulator", growth="1", steps=1)["mean"] == 40


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({}, "INVALID_INPUT"),
        ({"start": 1, "steps": 0}, "INVALID_INPUT"),
        ({"start": 1, "steps": 10**9}, "INVALID_INPUT"),
        ({"start": 1, "growth": 1e9, "steps": 100}, "OVERFLOW"),
        ({"start": 1e200}, "OVERFLOW"),
    ],
)
def test_what_cannot_be_simulated(bench: Any, call: Any, code: str) -> None:
    assert bench().fault("computation_simulator", **call)[0] == code
