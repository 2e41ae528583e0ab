from __future__ import annotations

from typing import Any

import pytest

from stormproof.plan import RunOptions, expected_speed_ups, kind_of, plan_run
from stormproof.plan.python_api import Pool, plan


@pytest.mark.parametrize(
    ("dialect", "model", "kind"),
    [
        ("azure", "DeepSeek-V3-0324", "Azure open"),
        ("azure", "gpt-5-mini", "Azure closed"),
        ("openai", "qwen2.5-3b-instruct", "gateway open"),
        ("openai", "claude_sonnet4", "gateway closed"),
    ],
)
def test_a_models_family_says_its_kind(dialect: str, model: str, kind: str) -> None:
    assert kind_of(dialect, model) == kind


def test_what_the_pool_file_says_goes_before_the_family() -> None:
    provider: Any = {"base_url": "https://h.example/v1", "keys": ["env:K"]}
    models: Any = {
        "claude-9": {"provider": "p", "kind": "open"},
        "our-own": {"provider": "p", "kind": "closed"},
    }
    pool = Pool(providers={"p": provider}, models=models)
    found = expected_speed_ups(plan(RunOptions(num_instances=1), pool=pool))
    assert {s.model: s.kind for s in found if s.model} == {
        "claude-9": "gateway open",
        "our-own": "gateway closed",
    }


def test_all_endpoints_against_the_fastest_of_each_model() -> None:
    """The shipped pool: three deployments, three keys, or one of each."""
    found = {(s.kind, s.model): s for s in expected_speed_ups(plan_run(RunOptions()))}
    kinds = [kind for kind, model in found if not model]
    assert kinds == ["Azure closed", "Azure open", "gateway closed", "gateway open"]
    assert found["Azure open", "DeepSeek-V3-0324"].speed_up == pytest.approx(3)
    assert found["Azure open", ""].slots == 900
    assert found["gateway open", ""].speed_up == pytest.approx(3)
    assert found["gateway closed", ""].speed_up == pytest.approx(1)
    assert found["gateway closed", ""].endpoints == 4
