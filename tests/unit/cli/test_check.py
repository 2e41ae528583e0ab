"""`stormproof check` on one run against the embedded emulator, by hand and by the action."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from stormproof.cli import main
from stormproof.cli.check_forms import as_junit, as_summary
from stormproof.demands import Checked, Verdict

yaml = pytest.importorskip("yaml")
MODEL = "qwen2.5-3b-instruct"
ACTION = Path(__file__).parents[3] / "examples" / "stormproof-check" / "action.yml"
BREACH = Verdict("success >= 0.6", "a|b<c>", "", "breached", "20.0 [1.0, 30.0] %, n = 9", 0.2)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "results"
    words = ("--model", MODEL, "--prompt-types", "optimal", "--task-types", "simple_task",
             "--num-instances", "2", "--max-turns", "3", "--results", f"{folder}")  # fmt: skip
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert main(["run", *words, "--json"]) == 0
    return folder


def test_a_passing_folder_prints_nothing_on_stdout(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", f"{results}", "--baseline", f"{results}"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{results} (models are SIMULATED): 4 requirements, 3 held, 1 undecided" in said.err


def test_each_breach_is_a_line(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forms = ("--junit", f"{tmp_path / 'j.xml'}", "--summary", f"{tmp_path / 's.md'}")
    words = ("check", f"{results}", "--min", "success>=1", "--on", "proof", *forms)
    assert main([*words]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"breached: {MODEL}: success >= 1: ")
    assert main([*words, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["passed"], data["simulated"], len(data["verdicts"])) == (False, True, 4)
    suite = ET.parse(tmp_path / "j.xml").getroot()[0]  # noqa: S314  our own
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert (tmp_path / "s.md").read_text().count("### Stormproof check: 1 of 4") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--min", "succ>=1"), "allowed: [MODEL: ]MEASURE>=NUMBER"),
        (("--margin", "nan"), "--margin: found nan; allowed: a share from 0 to 1"),
        (("--max-infra", "5"), "--max-infra: found 5"),
        (("--baseline", "nowhere"), "nowhere: there is no such folder"),
    ],
)
def test_what_cannot_be_judged_is_said(
    results: Path, words: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", f"{results}", *words]) == 2
    assert said in capsys.readouterr().err


def test_what_others_wrote_is_no_markup() -> None:
    found = Checked("r", simulated=False, by="model", on="interval", verdicts=(BREACH,))
    assert r"| breached | a\|b\<c\> |" in as_summary(found)
    case = ET.fromstring(as_junit(found))[0][0]  # noqa: S314  our own
    assert (case.get("classname"), case[0].tag) == ("a|b<c>", "failure")


def test_the_action_runs_it(results: Path, tmp_path: Path) -> None:
    action = yaml.safe_load(ACTION.read_text())
    (step,) = action["runs"]["steps"]
    given = {name: about.get("default", "") for name, about in action["inputs"].items()}
    given |= {"results": f"{results}", "min": f"success>=0\n{MODEL}: success>=1\n", "on": "proof"}
    values = {name: given[text[len("${{ inputs.") : -len(" }}")]]
              for name, text in step["env"].items()}  # fmt: skip
    values["GITHUB_STEP_SUMMARY"] = f"{tmp_path / 'summary.md'}"
    values["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
        env=os.environ | values, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1), done.stderr
    assert "breached" in (tmp_path / "summary.md").read_text()
