from __future__ import annotations

import itertools
import random
from typing import Any

import pytest


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
