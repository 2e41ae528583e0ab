"""What a Python program says: checked as flags and pool files are, and worth the same."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from stormproof.domain.pool import LimitGroup, Limits
from stormproof.errors import ConfigError, PlanError, PoolFileError
from stormproof.plan import OPTIONS, SHIPPED_POOL, RunOptions, Shard, endpoints_for, load_pool
from stormproof.plan.python_api import Pool, checked, endpoints_of, finished_trials, plan

MARK = "sk-0123456789abcdef"


def a_pool() -> Pool:
    return Pool(
        providers={"house": {"base_url": "https://h.example", "keys": {"one": "env:ONE"}}},
        models={"m": {"provider": "house"}},
    )


def test_a_pool_in_python_is_worth_what_its_file_is() -> None:
    with SHIPPED_POOL.open("rb") as file:
        made = Pool(**tomllib.load(file))
    read = Pool.read(SHIPPED_POOL)
    assert msgspec.structs.replace(made.declared, source=str(SHIPPED_POOL)) == read.declared
    assert made.models == read.models == tuple(load_pool(SHIPPED_POOL).models)
    assert endpoints_of(RunOptions(), made) == endpoints_for(RunOptions())


def test_keys_limits_and_deployments_become_endpoints() -> None:
    pool = Pool(
        providers={
            "house": {
                "base_url": "https://h.example",
                "keys": [{"ref": "env:ONE", "limits": {"rpm": 60}}, "env:TWO"],
            }
        },
        models={
            "m": {"provider": "house", "deployments": ["a", "b"], "endpoint_limits": {"qps": 2}}
        },
    )
    endpoints = endpoints_of(RunOptions(), pool)
    assert [e.endpoint_id for e in endpoints] == ["a@key0", "a@key1", "b@key0", "b@key1"]
    assert endpoints[0].groups == (LimitGroup("key house/key0", Limits(rpm=60)),)
    assert {e.limits for e in endpoints} == {Limits(qps=2)}


def test_what_is_none_is_not_said() -> None:
    pool = Pool(
        providers={"house": {"base_url": "https://h.example", "keys": {"one": "env:ONE"}}},
        models={"m": {"provider": "house", "price_in": None}},  # type: ignore[typeddict-item]
    )
    assert pool.declared == a_pool().declared


def test_every_mistake_of_a_pool_is_told_with_its_place_and_no_secret() -> None:
    with pytest.raises(PoolFileError) as caught:
        Pool(
            providers={"house": {"base_url": "https://h.example", "keys": {"one": MARK}}},
            models={"m": {"provider": "hous"}, "n": {"endpoint_limits": {"rpm": -1}}},
        )
    told = caught.value.message
    assert "Pool: providers.house.keys.one: " in told
    assert 'did you mean "house"?' in told
    assert "models.n.endpoint_limits.rpm" in told
    assert MARK not in told


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.field)
def test_options_as_they_usually_are_need_no_mending(option: object) -> None:
    usual = RunOptions()
    field = getattr(option, "field", "")
    assert getattr(checked(usual), field) == getattr(usual, field)


def test_options_are_read_as_flags_would_be(tmp_path: Path) -> None:
    options = RunOptions(
        models="m, n",  # type: ignore[arg-type]
        tool_success_rates=[0.5, 1],  # type: ignore[arg-type]
        results=tmp_path,  # type: ignore[arg-type]
    )
    found = checked(options)
    assert (found.models, found.tool_success_rates) == (("m", "n"), (0.5, 1.0))
    assert found.results == str(tmp_path)
    assert checked(found) == found


def test_every_mistake_of_the_options_is_told_with_its_field() -> None:
    wrong = RunOptions(prompt_types=("optimial",), max_turns=-1, pool="pool.toml")
    with pytest.raises(ConfigError) as caught:
        checked(wrong, a_pool())
    lines = caught.value.message.splitlines()
    assert lines[0].startswith('RunOptions.prompt_types: found "optimial"')
    assert 'did you mean "optimal"?' in lines[0]
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "RunOptions.max_turns",
        "RunOptions.pool",
    ]


def test_a_plan_says_what_would_be_run_and_makes_nothing(tmp_path: Path) -> None:
    results = tmp_path / "r"
    options = RunOptions(prompt_types=("optimal",), num_instances=3, results=str(results))
    made = plan(options, pool=a_pool())
    assert (made.planned, made.done, made.models) == (15, 0, ("m",))
    assert finished_trials(results) == frozenset()
    assert not results.exists()
    with pytest.raises(PlanError, match="allowed: all, m"):
        plan(msgspec.structs.replace(options, models=("n",)), pool=a_pool())


def test_a_shard_is_one_however_it_is_said() -> None:
    text = RunOptions(shard="2/3")  # type: ignore[arg-type]  # as a program may
    assert checked(text) == checked(RunOptions(shard=Shard(2, 3))) == RunOptions(shard=Shard(2, 3))
