"""What a user reads: the place, the reason, and where to look, in the words of all the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import anyio
import pytest

from stormproof.cli import main
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import make_trial
from stormproof.plan import RunOptions, endpoints_for, make_plan
from stormproof.plan.run_options import OPTIONS
from stormproof.store import Header, append_run, open_store, read_episodes
from stormproof.suites.workflows.tasks import SUITE_VERSION
from stormproof.testing.models import answer


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS:
        if option.env:
            monkeypatch.delenv(option.env, raising=False)


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        (["emulate", "--port", "99999"], "--port: found 99999; allowed: ", "0 takes any free port"),
        (["emulate", "--replay", "no.jsonl"], "no.jsonl: No such file or directory", "JSON Lines"),
        (["plan", "--pool", "torn.toml"], "torn.toml:2: not valid TOML: Expected '='", "--help"),
        (["plan", "--pool", "typo.toml"], "typo.toml:1: provider", "docs/configuration.md"),
        (["plan", "--pool", "typo.toml", "--seed", "x"], '--seed: found "x"', "run --help"),
        (["plan", "one", "two"], "not understood: one two", "--help"),
        (["plan", "--qps", "0"], "above 0 and up to 1,000,000,000", "run --help"),
        (["plan", "--pool", "none.toml"], "none.toml: there is no such file", "check the path"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_way_out(
    words: list[str], told: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "torn.toml").write_text("[providers.a]\nx\n")
    (tmp_path / "typo.toml").write_text("[provider.a]\n")
    assert main(words) == 2
    err = capsys.readouterr().err
    assert told in err
    assert hint in err.splitlines()[-1]


def test_status_agrees_with_plan_on_what_is_left_and_says_what_is_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(models=("kimi-k2",), prompt_types=("optimal",), num_instances=1)
    endpoints = endpoints_for(options)
    trials = [trial for _, trial in make_plan(options, endpoints).trials("kimi-k2")]
    other = make_trial(suite="s", seed=0, model="m", task_id="t", task_type="simple_task",
                       condition=Condition("optimal", "easy", 0.8))  # fmt: skip
    made = [Episode(trial, "infrastructure", "infrastructure", ()) for trial in trials[:2]]
    made.append(Episode(other, "infrastructure", "infrastructure", (), simulated=True))
    anyio.run(partial(fill, tmp_path / "r", made))
    append_run(tmp_path / "r", {"options": options, "endpoints": list(endpoints)})
    assert main(["status", "r", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["planned"], data["infrastructure"], data["remaining"]) == (5, 2, 5)
    assert (data["unplanned"], data["simulated"]) == (1, True)
    assert main(["status", "r"]) == 0
    assert "1 episode here of no run's plan" in capsys.readouterr().out


def test_a_run_says_how_many_turns_this_version_reads_differently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(
        models=("kimi-k2",),
        prompt_types=("optimal",),
        task_types=("simple_task",),
        num_instances=1,
    )
    plan = make_plan(options, endpoints_for(options))
    [(_, trial)] = plan.trials("kimi-k2")
    unread = Turn(0, answer("<tool_search>read a file</tool_search>"), "none", format_error=True)
    anyio.run(keep, tmp_path / "r", trial.trial_id, unread)
    words = ("--model", "kimi-k2", "--prompt-types", "optimal", "--task-types", "simple_task")
    assert main(["run", *words, "--num-instances", "1", "--results", "r", "--quiet"]) == 0
    assert "read differently by this version: 1 turn of 1 episode" in capsys.readouterr().err
    [kept] = read_episodes(tmp_path / "r")
    assert (kept.turns[0].answer, kept.turns[0].action) == (unread.answer, "search")
    assert kept.turns[0].observation


async def keep(folder: Path, trial_id: str, turn: Turn) -> None:
    async with open_store(folder, Header(suite=SUITE_VERSION, seed=0, simulated=True)) as store:
        await store.turn(trial_id, turn)


async def fill(folder: Path, episodes: list[Episode]) -> None:
    async with open_store(folder, Header(suite="s", seed=0, stormproof="0.1")) as store:
        for episode in episodes:
            await store.episode(episode)


def test_a_locale_without_dashes_ends_no_command() -> None:
    words = [sys.executable, "-m", "stormproof", "plan", "--model", "kimi-k2"]
    environ = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"SIMULATED" in done.stdout
