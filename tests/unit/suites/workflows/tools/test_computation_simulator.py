from __future__ import annotations

from typing import Any

import pytest


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
