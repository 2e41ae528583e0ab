from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from stormproof.domain.trials import Trial
from stormproof.errors import PlanError
from stormproof.plan import Plan, RunOptions, TrialSupply, endpoints_for, make_plan, plan_run

QWEN = RunOptions(models=("qwen2.5-72b-instruct",), prompt_types=("optimal",), num_instances=7)


def test_instances_count_per_task_type_and_condition() -> None:
    plan = plan_run(QWEN)
    assert plan.planned == plan.remaining == 5 * 7
    assert len(plan.cells) == 5
    assert len({trial.trial_id for _, trial in plan.trials(QWEN.models[0])}) == 35


def test_what_is_done_is_not_planned_again() -> None:
    ids = [trial.trial_id for _, trial in plan_run(QWEN).trials(QWEN.models[0])]
    plan = plan_run(QWEN, frozenset(ids[:10]))
    assert (plan.done, plan.remaining) == (10, 25)
    assert {t.trial_id for _, t in plan.trials(QWEN.models[0])} == set(ids[10:])


def test_what_is_done_is_told_apart_by_model_level_and_replicate() -> None:
    options = RunOptions(
        models=("kimi-k2", "claude_sonnet4"), scenarios=("5.4",), num_instances=2, replicates=2
    )
    ids = _ids(plan_run(options))
    done = frozenset(ids[::3])
    plan = plan_run(options, done)
    assert _ids(plan) == [trial_id for trial_id in ids if trial_id not in done]
    assert plan.done == len(done)
    assert all(0 <= cell.done <= cell.planned for cell in plan.cells)


def test_fewer_instances_are_a_part_of_more() -> None:
    few = {t.trial_id for _, t in plan_run(QWEN).trials(QWEN.models[0])}
    more = RunOptions(models=QWEN.models, prompt_types=("optimal",), num_instances=9)
    assert few < {t.trial_id for _, t in plan_run(more).trials(QWEN.models[0])}


def test_any_prefix_is_a_fair_picture_of_the_whole() -> None:
    first = [trial.task_type for _, (_, trial) in zip(range(10), _trials(QWEN), strict=False)]
    assert set(Counter(first).values()) == {2}


def _trials(options: RunOptions) -> Iterator[tuple[int, Trial]]:
    return plan_run(options).trials(options.models[0])


def _ids(plan: Plan) -> list[str]:
    return [trial.trial_id for model in plan.models for _, trial in plan.trials(model)]


def test_models_prompts_and_rates_share_their_weather() -> None:
    options = RunOptions(
        models=("kimi-k2", "claude_sonnet4"), prompt_types=("optimal", "cot"),
        tool_success_rates=(0.9, 0.6), num_instances=3,
    )  # fmt: skip
    seeds: dict[str, set[int]] = {}
    sampling = Counter[int]()
    plan = plan_run(options)
    for model in plan.models:
        for _, trial in plan.trials(model):
            seeds.setdefault(trial.task_id, set()).add(trial.weather_seed)
            sampling[trial.sampling_seed] += 1
    assert {len(shared) for shared in seeds.values()} == {1}
    assert len(seeds) == len({seed for shared in seeds.values() for seed in shared}) == 15
    assert set(sampling.values()) == {1}


def test_a_billion_instances_are_refused_early_with_what_would_fit() -> None:
    with pytest.raises(PlanError, match="5,000,000,000 trials") as caught:
        plan_run(RunOptions(models=QWEN.models, prompt_types=("optimal",), num_instances=10**9))
    assert caught.value.hint == "--num-instances 200000 is the most that this grid takes"


def test_the_sixty_instances_line_plans_three_hundred_trials_on_three_keys() -> None:
    options = RunOptions(models=QWEN.models, prompt_types=("optimal",), num_instances=60)
    assert plan_run(options).planned == 300
    assert [e.endpoint_id for e in endpoints_for(options)] == [
        f"qwen2.5-72b-instruct@qwen-key{n}" for n in range(3)
    ]


def test_even_shards_are_equal_and_the_first_get_the_remainder() -> None:
    supply = TrialSupply(plan_run(QWEN))
    parts: dict[int, list[str]] = {}
    for number in range(3):
        part = parts.setdefault(number, [])
        while trial := supply.take(QWEN.models[0], number):
            part.append(trial.trial_id)
    assert [len(part) for part in parts.values()] == [12, 12, 11]
    assert len({trial for part in parts.values() for trial in part}) == 35
    assert supply.remaining(QWEN.models[0]) == 0


def test_what_ends_meanwhile_changes_nothing_in_what_is_handed_out() -> None:
    first = _ids(plan_run(QWEN))[0]
    ended = {first}
    supply = TrialSupply(plan_run(QWEN, ended))
    taken = []
    for number in (0, 0, 1, 0, 0, 2, 2, 1, *[0, 1, 2] * 12):  # some shards start late, or are slow
        if trial := supply.take(QWEN.models[0], number):
            taken.append(trial.trial_id)
            ended.add(trial.trial_id)
    assert len(taken) == len(set(taken)) == 34
    assert first not in taken


def test_dynamic_supply_hands_out_each_trial_once() -> None:
    supply = TrialSupply(plan_run(QWEN))
    taken = []
    while trial := supply.take(QWEN.models[0]):
        taken.append(trial.trial_id)
    assert len(taken) == len(set(taken)) == 35
    assert supply.take("no such model") is None


def test_strict_levels_wait_and_loose_ones_do_not() -> None:
    for strict in (False, True):
        options = RunOptions(
            models=QWEN.models, scenarios=("5.4",), num_instances=1, strict_levels=strict
        )
        supply = TrialSupply(plan_run(options))
        taken = [supply.take(QWEN.models[0]) for _ in range(6)]
        assert [t.condition.tool_success_rate for t in taken if t] == [0.9] * 5 + (
            [] if strict else [0.8]
        )
        if strict:
            for trial in taken[:5]:
                assert trial is not None
                supply.ended(trial)
            following = supply.take(QWEN.models[0])
            assert following is not None
            assert following.condition.tool_success_rate == 0.8


def test_endpoints_of_models_that_the_grid_leaves_out_are_left_out() -> None:
    plan = make_plan(RunOptions(scenarios=("5.2",)), endpoints_for(RunOptions(scenarios=("5.2",))))
    assert len(plan.endpoints) == 15
    assert [e.number for e in plan.endpoints] == list(range(15))


def test_a_debug_log_narrowed_to_nothing_is_said() -> None:
    def notices(**given: Any) -> tuple[str, ...]:
        return plan_run(msgspec.structs.replace(QWEN, **given)).notices

    numbers = [e.number for e in plan_run(QWEN).endpoints]
    assert notices() == notices(debug_log=True, debug_process_num=numbers[0]) == ()
    (alone,) = notices(debug_process_num=numbers[0])
    assert alone.endswith("none is written: DEBUG_LOG=true")
    (beyond,) = notices(debug_log=True, debug_process_num=9_999)
    assert f"its last is {numbers[-1]}" in beyond
