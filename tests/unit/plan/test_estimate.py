from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stormproof.plan import RunOptions, estimate
from stormproof.plan.estimate import REPLY_TOKENS
from stormproof.plan.python_api import Pool, plan


def guessed(folder: Path, options: dict[str, Any], model: dict[str, Any]) -> Any:
    provider: Any = {"base_url": "https://p.example/v1", "keys": ["env:K"]}
    table: Any = {"provider": "p", **model}
    pool = Pool(providers={"p": provider}, models={"m": table})
    asked = RunOptions(num_instances=50, results=str(folder / "r"), **options)
    return estimate(plan(asked, pool=pool)).models[0]


def test_fixed_mode_gives_few_slots_where_nothing_is_declared(tmp_path: Path) -> None:
    adaptive = guessed(tmp_path, {}, {})
    fixed = guessed(tmp_path, {"rate_mode": "fixed"}, {})
    assert fixed.calls_per_s == pytest.approx(adaptive.calls_per_s / 4)
    paced = {"endpoint_limits": {"rpm": 60}}
    assert guessed(tmp_path, {"rate_mode": "fixed"}, paced).calls_per_s == pytest.approx(1)


def test_a_limit_on_replies_bounds_what_they_are_taken_for(tmp_path: Path) -> None:
    for limit, tokens in ((10, 10), (10 * REPLY_TOKENS, REPLY_TOKENS)):
        found = guessed(tmp_path, {}, {"parameters": {"max_tokens": limit}})
        assert found.completion_tokens == pytest.approx(tokens * found.calls, rel=0.01)
