from collections import Counter
from pathlib import Path

import msgspec
import pytest

from stormproof.domain.pool import Endpoint, LimitGroup, Limits
from stormproof.errors import ConfigError, PlanError
from stormproof.plan import Plan, RunOptions, Shard, load_pool, plan_run, read_options
from stormproof.plan.shards import components, dealt, share_of
from stormproof.testing.records import an_endpoint

GRID = RunOptions(models=("kimi-k2", "claude_sonnet4"), prompt_types=("optimal",), num_instances=40)


def ids(plan: Plan) -> list[str]:
    return [trial.trial_id for model in plan.models for _, trial in plan.trials(model)]


def shard(options: RunOptions, number: int, of: int) -> Plan:
    return plan_run(msgspec.structs.replace(options, shard=Shard(number, of)))


def an(name: str, number: int, *, key: str = "", model: str = "", limit: str = "") -> Endpoint:
    groups = (LimitGroup(limit, Limits(rpm=60)),) if limit else ()
    return msgspec.structs.replace(
        an_endpoint(name, max_workers=8), number=number, key=f"env:{key or name}",
        model=model or name, groups=groups,
    )  # fmt: skip


# --- by trial ------------------------------------------------------------------------------


def test_the_shards_are_the_whole_and_about_even() -> None:
    whole = ids(plan_run(GRID))
    parts = [ids(shard(GRID, number, 5)) for number in range(1, 6)]
    assert Counter(whole) == sum(map(Counter, parts), Counter[str]())
    assert len(whole) == 400
    assert all(55 <= len(part) <= 105 for part in parts)


def test_a_larger_plan_moves_no_trial_to_another_shard() -> None:
    more = msgspec.structs.replace(GRID, num_instances=50)
    assert set(ids(shard(GRID, 2, 3))) <= set(ids(shard(more, 2, 3)))


def test_what_is_done_is_counted_within_the_shard_alone() -> None:
    own, other = ids(shard(GRID, 1, 2)), ids(shard(GRID, 2, 2))
    options = msgspec.structs.replace(GRID, shard=Shard(1, 2))
    plan = plan_run(options, frozenset([*own[:7], *other[:9]]))
    assert (plan.planned, plan.done, plan.remaining) == (len(own), 7, len(own) - 7)
    assert len(ids(plan)) == plan.remaining


def test_every_simulated_run_has_a_pool_of_its_own_so_nothing_is_divided() -> None:
    assert shard(GRID, 1, 2).endpoints == plan_run(GRID).endpoints
    assert shard(GRID, 1, 2).share == "shard 1/2, by trial"


def test_declared_limits_are_divided_so_that_the_parts_add_up() -> None:
    pool = [an("a", 0, limit="key"), an("b", 1, limit="key")]
    shares = [share_of(Shard(n, 3), "", pool, {"a": 5, "b": 5}, simulated=False) for n in (1, 2, 3)]
    assert [share.endpoints[0].limits.max_workers for share in shares] == [3, 3, 2]
    assert [share.endpoints[1].groups[0].limits.rpm for share in shares] == [20, 20, 20]
    assert "part of every declared limit" in shares[0].note


def test_a_limit_that_cannot_be_divided_is_named() -> None:
    with pytest.raises(PlanError, match="max_workers = 8 of a cannot be divided by 9"):
        share_of(Shard(1, 9), "trial", [an("a", 0)], {"a": 5}, simulated=False)


# --- by model ------------------------------------------------------------------------------


def test_endpoints_that_share_nothing_get_one_owner_each() -> None:
    pool = [an("a", 0), an("b", 1), an("b-2", 2, key="b", model="b"), an("c", 3)]
    shares = [
        share_of(Shard(n, 2), "", pool, {"a": 9, "b": 5, "c": 5}, simulated=False) for n in (1, 2)
    ]
    assert [share.models for share in shares] == [("a",), ("b", "c")]
    assert [[e.endpoint_id for e in share.endpoints] for share in shares] == [
        ["a"],
        ["b", "b-2", "c"],
    ]
    assert all(share.trials is None and "no other shard" in share.note for share in shares)
    assert all(e.limits.max_workers == 8 for share in shares for e in share.endpoints)


def test_models_that_share_a_declared_limit_stay_together() -> None:
    pool = [an("a", 0, limit="p"), an("b", 1, limit="p"), an("c", 2)]
    share = share_of(Shard(1, 2), "model", pool, {"a": 5, "b": 5, "c": 5}, simulated=False)
    assert share.models == ("a", "b")
    with pytest.raises(PlanError, match="share limits in 2 groups"):
        share_of(Shard(1, 3), "model", pool, {"a": 5, "b": 5, "c": 5}, simulated=False)


def test_a_key_that_two_shards_use_is_named() -> None:
    pool = [an("a", 0, key="K"), an("b", 1, key="K")]
    share = share_of(Shard(1, 2), "", pool, {"a": 5, "b": 5}, simulated=False)
    assert share.models == ("a",)
    assert "env:K also serves other shards" in share.note


def test_by_model_the_shards_of_a_real_pool_are_the_whole(tmp_path: Path) -> None:
    pool = tmp_path / "pool.toml"
    pool.write_text(
        "[providers.p]\nbase_url = 'http://localhost'\nkeys = { one = 'env:K' }\n"
        + "".join(f"[models.m{n}]\nprovider = 'p'\n" for n in range(4))
    )
    options = RunOptions(pool=str(pool), prompt_types=("optimal",), num_instances=2)
    plans = [shard(options, number, 3) for number in (1, 2, 3)]
    assert sorted(m for plan in plans for m in plan.models) == [*load_pool(pool).models]
    assert Counter(ids(plan_run(options))) == sum((Counter(ids(p)) for p in plans), Counter[str]())


def test_a_key_ties_its_endpoints_while_that_leaves_enough_components() -> None:
    pool = [an("a", 0, key="K"), an("b", 1, key="K"), an("c", 2)]
    assert [len(c) for c in components(pool, at_least=2)] == [2, 1]
    assert [len(c) for c in components(pool, at_least=3)] == [1, 1, 1]


def test_the_heaviest_is_dealt_first() -> None:
    assert dealt([("a", 1), ("b", 5), ("c", 3), ("d", 1)], 2) == [["b"], ["c", "a", "d"]]


# --- one trial -----------------------------------------------------------------------------


def test_one_trial_alone() -> None:
    wanted = ids(plan_run(GRID))[17]
    plan = plan_run(msgspec.structs.replace(GRID, trial=wanted))
    assert ids(plan) == [wanted]
    assert len({e.model for e in plan.endpoints}) == 1
    with pytest.raises(PlanError, match="no trial 0000"):
        plan_run(msgspec.structs.replace(GRID, trial="0000"))


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "1/0", "3", "a/b", "1/10001", 5])
def test_a_shard_that_is_none_is_refused(wrong: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1/N to N/N"):
        read_options({"shard": wrong}, {}, tmp_path)
    assert read_options({"shard": " 2/3 "}, {}, tmp_path).shard == Shard(2, 3)
