from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
