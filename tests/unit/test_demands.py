from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from stormproof.demands import Checked, Demands, Minimum, Verdict, check, parse_minimum
from stormproof.domain.episodes import Episode
from stormproof.domain.trials import Trial
from stormproof.errors import ConfigError
from stormproof.plan import RunOptions
from stormproof.plan.python_api import plan
from stormproof.store import Header, append_run, open_store
from stormproof.suites.workflows import WORKFLOWS
from stormproof.testing.records import a_turn, an_episode

MODEL = "gpt-4o-mini"
OTHER = "qwen2.5-3b-instruct"
OPTIONS = RunOptions(
    models=(MODEL,), prompt_types=("optimal",), task_types=("simple_task",), num_instances=40
)
Play = Callable[[int, Trial], Episode | None]


def fails(every: int) -> Play:
    """Every so many-th trial fails."""

    def play(number: int, trial: Trial) -> Episode:
        made = replace(an_episode(trial, [a_turn()]), simulated=True)
        assert made.score is not None
        level: Any = "full" if number % every else "failed"
        return replace(made, score=replace(made.score, success=level))

    return play


def lost(trials: int) -> Play:
    """So many of the first trials are lost to infrastructure."""

    def play(number: int, trial: Trial) -> Episode | None:
        outcome: Any = "infrastructure" if number < trials else "completed"
        return replace(an_episode(trial, outcome=outcome), simulated=True)

    return play


def cut_short(trials: int) -> Play:
    """Only so many trials are run."""
    return lambda number, trial: fails(1000)(number, trial) if number < trials else None


def folder(path: Path, play: Play, options: RunOptions = OPTIONS, **about: Any) -> Path:
    """A results folder of these options, its trials as they are played."""
    planned = plan(replace(options, results=str(path)))

    async def fill() -> None:
        header = Header(suite=WORKFLOWS.version, seed=options.seed, simulated=True)
        async with open_store(path, replace(header, **about)) as store:
            for model in planned.models:
                for number, (_, trial) in enumerate(planned.trials(model)):
                    if (episode := play(number, trial)) is not None:
                        await store.episode(episode)

    anyio.run(fill)
    append_run(path, msgspec.to_builtins({"options": options, "endpoints": planned.endpoints}))
    return path


def status(found: Checked, requirement: str) -> list[str]:
    return [v.status for v in found.verdicts if v.requirement == requirement]


def breach(found: Checked) -> Verdict:
    (only,) = found.breaches
    return only


def test_a_finished_folder_passes(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", fails(10))
    found = check(results, Demands((parse_minimum("success>=0.6"),), max_unread=0.1))
    assert found.simulated
    assert {v.status for v in found.verdicts} == {"holds"}
    rate = next(v for v in found.verdicts if v.requirement == "success >= 0.6")
    assert (rate.model, rate.condition, rate.estimate) == (MODEL, "", 0.9)
    assert rate.found == "90.0 [76.9, 96.0] %, n = 40"


@pytest.mark.parametrize(
    ("on", "least", "status_of"),
    [
        ("interval", 0.76, "holds"),
        ("interval", 0.85, "undecided"),
        ("interval", 0.95, "undecided"),
        ("interval", 0.97, "breached"),
        ("point", 0.9, "holds"),
        ("point", 0.91, "breached"),
        ("proof", 0.76, "holds"),
        ("proof", 0.85, "breached"),
    ],
)
def test_what_a_figure_is_judged_on(tmp_path: Path, on: Any, least: float, status_of: str) -> None:
    results = folder(tmp_path / "r", fails(10))
    found = check(results, Demands((Minimum("success", least),), on=on))
    assert status(found, f"success >= {least:g}") == [status_of]


def test_what_was_not_run_never_passes(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", cut_short(30))
    only = breach(check(results, Demands()))
    assert only.requirement == "all trials run"
    assert only.found == "10 of 40 planned trials are not run"


def test_nothing_scored_never_passes(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", cut_short(0))
    found = check(results, Demands((Minimum("success", 0.0),)))
    assert [v.requirement for v in found.breaches] == [
        "all trials run", "trials scored", "success >= 0"
    ]  # fmt: skip
    blocked = folder(tmp_path / "b", lambda _, trial: replace(an_episode(trial, outcome="blocked")))
    assert breach(check(blocked, Demands())).found.startswith("nothing scored under optimal")


def test_infrastructure_is_a_breach_unless_it_is_allowed(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", lost(4))
    only = breach(check(results, Demands()))
    assert only.found == "4 of 40 trials ended by infrastructure"
    for most, expected in ((0.05, "undecided"), (0.03, "breached"), (0.3, "holds")):
        found = check(results, Demands(max_infra=most))
        assert status(found, f"infrastructure <= {most:g}") == [expected]
    assert check(results, Demands(max_infra=0.05, on="point")).breaches


def test_turns_that_could_not_be_read(tmp_path: Path) -> None:
    def play(number: int, trial: Trial) -> Episode:
        turns = [replace(a_turn(), unread=3 * (number < 10)), a_turn(1)]
        return replace(an_episode(trial, turns), simulated=True)

    results = folder(tmp_path / "r", play)
    only = breach(check(results, Demands(max_unread=0.02)))
    assert (only.requirement, only.estimate) == ("unread turns <= 0.02", 10 / 80)
    assert not check(results, Demands(max_unread=0.2)).breaches


def test_turns_that_were_all_read_hold_though_tasks_are_few(tmp_path: Path) -> None:
    options = replace(OPTIONS, num_instances=10, tool_success_rates=(0.6, 0.7, 0.8, 0.9))
    found = check(folder(tmp_path / "r", fails(5), options), Demands(max_unread=0.1))
    assert status(found, "unread turns <= 0.1") == ["holds"]


def test_cells_are_judged_apart(tmp_path: Path) -> None:
    options = replace(OPTIONS, prompt_types=("optimal", "baseline"))

    def play(number: int, trial: Trial) -> Episode | None:
        return fails(1 if trial.condition.prompt_type == "baseline" else 1000)(number, trial)

    results = folder(tmp_path / "r", play, options)
    demands = Demands((Minimum("success", 0.4),))
    assert not check(results, demands).breaches
    only = breach(check(results, replace(demands, by="cell")))
    assert (only.model, only.condition) == (MODEL, "baseline · easy · 0.8")


def test_a_baseline_is_compared_task_by_task(tmp_path: Path) -> None:
    before, same, worse = (
        folder(tmp_path / name, fails(every)) for name, every in (("a", 10), ("b", 10), ("c", 2))
    )
    held = check(same, Demands(baseline=before))
    assert not held.breaches
    only = breach(check(worse, Demands(baseline=before)))
    assert only.requirement == "success >= baseline - 0.05"
    assert only.estimate == pytest.approx(-0.4)
    assert only.found.endswith("points, 40 tasks paired")
    assert not check(worse, Demands(baseline=before, margin=0.6)).breaches


def test_other_tasks_are_not_paired(tmp_path: Path) -> None:
    before = folder(tmp_path / "a", fails(10))
    after = folder(tmp_path / "b", fails(2), replace(OPTIONS, seed=1))
    only = breach(check(after, Demands(baseline=before)))
    assert only.found.endswith("points, not paired, n = 40 and 40")


def test_what_one_side_lacks_is_a_breach(tmp_path: Path) -> None:
    before = folder(tmp_path / "a", fails(10), replace(OPTIONS, models=(MODEL, OTHER)))
    only = breach(check(folder(tmp_path / "b", fails(10)), Demands(baseline=before)))
    assert (only.model, only.found) == (OTHER, "in the baseline alone: nothing to compare with")
    empty = folder(tmp_path / "c", cut_short(0))
    found = check(empty, Demands(baseline=before)).breaches
    assert [v.model for v in found if "baseline" in v.requirement] == [MODEL, OTHER]


def test_simulated_and_real_are_not_compared(tmp_path: Path) -> None:
    real: Play = lambda _, trial: an_episode(trial, [a_turn()])  # noqa: E731  one line
    before = folder(tmp_path / "a", real, simulated=False)
    with pytest.raises(ConfigError, match="simulated models on one side"):
        check(folder(tmp_path / "b", fails(10)), Demands(baseline=before))


def test_a_folder_without_a_plan_cannot_be_judged(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", fails(10))
    (results / "runs.jsonl").unlink()
    with pytest.raises(ConfigError, match="what was planned here cannot be read"):
        check(results, Demands())


def test_minimums_are_read() -> None:
    assert parse_minimum("success>=0.6") == Minimum("success", 0.6)
    assert parse_minimum(" a: b:7b:  share >= .5 ") == Minimum("share", 0.5, "a: b:7b")
    for wrong in ("success>0.6", "succ>=0.6", "success>=60", "success>=nan", ""):
        with pytest.raises(ConfigError, match="allowed: "):
            parse_minimum(wrong)


def test_a_minimum_names_a_model_that_is_there(tmp_path: Path) -> None:
    results = folder(tmp_path / "r", fails(10))
    with pytest.raises(ConfigError, match='did you mean "gpt-4o-mini"'):
        check(results, Demands((Minimum("success", 0.1, "gpt4o-mini"),)))
    found = check(results, Demands((Minimum("success", 0.1, MODEL),)))
    assert all(v.estimate is None or math.isfinite(v.estimate) for v in found.verdicts)
