import msgspec
import pytest

from stormproof.domain.conditions import FLAWS
from stormproof.errors import PlanError
from stormproof.plan import RunOptions, prompt_type_count
from stormproof.plan.scenarios import QWEN_SIZES, GridCell, grid

MODELS = ("DeepSeek-V3-0324", *QWEN_SIZES)


def parts(**options: object) -> tuple[GridCell, ...]:
    return grid(msgspec.convert(options, RunOptions), MODELS)


def test_5_1_is_the_optimal_prompt_on_easy_at_0_8() -> None:
    got = parts(scenarios=("5.1",))
    assert {(p.condition.prompt_type, p.condition.difficulty) for p in got} == {("optimal", "easy")}
    assert {p.condition.tool_success_rate for p in got} == {0.8}
    assert len(got) == len(MODELS) * 5


def test_5_2_is_about_the_qwen_sizes_alone() -> None:
    got = parts(scenarios=("5.2",))
    assert {p.model for p in got} == set(QWEN_SIZES)
    assert {p.condition.difficulty for p in got} == {"very_easy", "medium"}


def test_5_3_has_all_seven_flaws() -> None:
    assert {p.condition.flaw for p in parts(scenarios=("5.3",))} == set(FLAWS)


def test_5_4_takes_rates_one_level_after_another() -> None:
    levels = {p.level: p.condition.tool_success_rate for p in parts(scenarios=("5.4",))}
    assert levels == {0: 0.9, 1: 0.8, 2: 0.7, 3: 0.6}


def test_6_1_is_open_work_of_the_upper_levels() -> None:
    got = parts(scenarios=("6.1",))
    assert {p.condition.prompt_type for p in got} == {"baseline"}
    assert {p.condition.difficulty for p in got} == {"hard", "very_hard"}


def test_6_2_brings_weathers_of_its_own() -> None:
    got = parts(scenarios=("6.2",), weather="ambiguous")
    assert {p.condition.weather for p in got} == {"silent", "outage", "sticky"}
    assert {p.condition.weather for p in parts(scenarios=("6.1",), weather="sticky")} == {"sticky"}


def test_6_3_is_long_pipelines_alone() -> None:
    got = parts(scenarios=("6.3",))
    assert {p.task_type for p in got} == {"multi_stage_pipeline"}
    assert {p.condition.difficulty for p in got} == {"very_hard"}
    with pytest.raises(PlanError, match=r"6\.3.*nothing in common"):
        parts(scenarios=("6.3",), task_types=("simple_task",))


def test_trials_that_scenarios_share_are_planned_once() -> None:
    both = parts(scenarios=("5.1", "5.4"))
    shared = [p for p in both if p.scenarios == ("5.1", "5.4")]
    assert len(both) == len(MODELS) * 5 * 4
    assert {p.condition.tool_success_rate for p in shared} == {0.8}


def test_axes_given_too_narrow_a_scenario() -> None:
    got = parts(scenarios=("5.4",), tool_success_rates=(0.9, 0.6))
    assert {p.condition.tool_success_rate for p in got} == {0.9, 0.6}
    with pytest.raises(PlanError, match=r"5\.1.*nothing in common"):
        parts(scenarios=("5.1",), tool_success_rates=(0.5,))


def test_prompt_types_are_counted_over_the_whole_run() -> None:
    assert prompt_type_count(RunOptions()) == 3
    assert prompt_type_count(RunOptions(scenarios=("5.1", "5.3"))) == 8
    assert prompt_type_count(RunOptions(prompt_types=("optimal",))) == 1


def test_severity_multiplies_flawed_prompts_alone() -> None:
    got = parts(prompt_types=("optimal", "flawed_missing_step"), severities=("light", "severe"))
    severities = [(p.condition.prompt_type, p.condition.severity) for p in got]
    assert set(severities) == {
        ("optimal", "severe"),
        ("flawed_missing_step", "light"),
        ("flawed_missing_step", "severe"),
    }
