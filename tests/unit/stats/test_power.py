from __future__ import annotations

import numpy as np
import pytest

from stormproof.stats import detectable_difference, mcnemar, tasks_needed


def test_formula_by_hand() -> None:
    """Connor 1987 with ψ = 0.3, δ = 0.1: ((1.96·√0.3 + 0.8416·√0.29)/0.1)² = 233.1."""
    assert tasks_needed(0.1, discordance=0.3) == 234


def test_smaller_differences_need_more_tasks() -> None:
    needed = [tasks_needed(delta) for delta in (0.2, 0.1, 0.05, 0.02)]
    assert needed == sorted(needed)
    assert tasks_needed(0.05, correlation=0.9) < tasks_needed(0.05, correlation=0.1)
    assert tasks_needed(-0.05) == tasks_needed(0.05)


@pytest.mark.parametrize("tasks", [50, 200, 1000])
def test_detectable_difference_is_the_inverse(tasks: int) -> None:
    delta = detectable_difference(tasks)
    assert tasks_needed(delta) == pytest.approx(tasks, rel=0.02)


def test_too_few_tasks_detect_nothing() -> None:
    assert detectable_difference(1) == 1.0


def test_the_power_promised_is_there() -> None:
    rng = np.random.default_rng(8)
    n, found = tasks_needed(0.15, discordance=0.35), []
    for _ in range(400):
        kind = rng.choice(3, n, p=[0.25, 0.10, 0.65])
        found.append(mcnemar(kind == 0, kind == 1) < 0.05)
    assert 0.74 < np.mean(found) < 0.88
