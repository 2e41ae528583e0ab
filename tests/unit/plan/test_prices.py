from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stormproof.errors import ConfigError
from stormproof.plan import RunOptions, estimate
from stormproof.plan.prices import price_notices, priced
from stormproof.plan.python_api import Pool, plan
from stormproof.testing.records import an_endpoint

# As litellm publishes them: prices per token, beside much else.
ENTRIES: dict[str, Any] = {
    "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
    "gpt-4o-mini": {
        "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
        "cache_read_input_token_cost": 7.5e-08, "litellm_provider": "openai", "mode": "chat",
    },
    "azure/gpt-4o-mini": {"input_cost_per_token": 1.65e-07, "output_cost_per_token": 6.6e-07},
    "whisper": {"input_cost_per_second": 1e-4},
    "texts": {"input_cost_per_token": "0.1", "output_cost_per_token": True},
    "mad": {"input_cost_per_token": -1, "output_cost_per_token": 1e300},
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(ENTRIES))
    return str(path)


def test_an_entry_is_taken_by_its_exact_id(file: str) -> None:
    (found,) = priced([an_endpoint("gpt-4o-mini")], file)
    assert (found.price_in, found.price_out, found.price_cached) == (0.15, 0.6, 0.075)
    assert found.price_source == f'entry "gpt-4o-mini" of {file}'


@pytest.mark.parametrize(
    "name", ["gpt-4o", "GPT-4o-mini", "gpt-4o-mini-2", "whisper", "texts", "mad", "sample_spec"]
)
def test_no_price_is_guessed(name: str, file: str) -> None:
    endpoint = an_endpoint(name)
    assert priced([endpoint], file) == (endpoint,)
    (notice,) = price_notices([endpoint], file)
    assert notice.startswith(f'prices of {name}: none; {file} prices no "{name}"')


def pool(**model: Any) -> Pool:
    table: Any = {"provider": "p", **model}
    provider: Any = {"base_url": "https://h.example/v1", "keys": ["env:K"]}
    return Pool(providers={"p": provider}, models={"gpt-4o-mini": table})


@pytest.mark.parametrize(
    ("model", "prices", "said"),
    [
        ({}, (0.15, 0.6), 'entry "gpt-4o-mini" of {file}: 0.15 in, 0.6 out, 0.075 cached'),
        (
            {"price_id": "azure/gpt-4o-mini"},
            (0.165, 0.66),
            'entry "azure/gpt-4o-mini" of {file}: 0.165 in, 0.66 out',
        ),
        ({"price_in": 1.0, "price_cached": 0.5}, (1.0, None), "the pool file's: 1 in, 0.5 cached"),
    ],
)
def test_a_plan_counts_with_them_and_says_whose_they_are(
    file: str, tmp_path: Path, model: dict[str, Any], prices: Any, said: str
) -> None:
    options = RunOptions(prices=file, num_instances=1, results=str(tmp_path / "r"))
    planned = plan(options, pool=pool(**model))
    (endpoint,) = planned.endpoints
    assert (endpoint.price_in, endpoint.price_out) == prices
    assert planned.notices == (f"prices of gpt-4o-mini: {said.format(file=file)}",)
    guess = estimate(planned)
    assert guess.cost is not None
    paid_in, paid_out = prices
    assert guess.cost == pytest.approx(
        (guess.prompt_tokens * paid_in + guess.completion_tokens * (paid_out or 0)) / 1e6,
        rel=0.01,
    )


def test_without_a_file_nothing_is_said(tmp_path: Path) -> None:
    planned = plan(RunOptions(num_instances=1, results=str(tmp_path / "r")), pool=pool())
    assert planned.notices == ()


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("[1]", "no table of models")])
def test_a_file_that_is_none(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=why):
        priced([an_endpoint()], str(path))
    with pytest.raises(ConfigError, match="No such file"):
        priced([an_endpoint()], str(tmp_path / "nowhere.json"))
