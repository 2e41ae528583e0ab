import json
import subprocess
import sys
from pathlib import Path

import pytest

from stormproof.cli import main
from stormproof.cli.app import COMMANDS
from stormproof.plan import OPTIONS

README = (Path(__file__).parents[3] / "README.md").read_text()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for option in OPTIONS:
        if option.env:
            monkeypatch.delenv(option.env, raising=False)


def test_every_command_is_documented() -> None:
    assert [name for name in COMMANDS if f"stormproof {name}" not in README] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"stormproof {name}" in capsys.readouterr().out


def test_help_says_what_holds_where_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "[default: adaptive] [env: RATE_MODE]" in printed
    assert "tasks per task type and condition [default: 20]" in printed
    assert "seed of tasks, weather and sampling [default: 0]" in printed


def test_plan_as_json_counts_what_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--model", "qwen2.5-72b-instruct", "--prompt-types", "optimal"]
    assert main([*words, "--num-instances", "60", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["planned"], data["done"], data["remaining"]) == (300, 0, 300)
    assert [e["number"] for e in data["endpoints"]] == [0, 1, 2]
    assert data["estimate"]["calls"] > 300


def test_dry_run_is_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--model", "kimi-k2", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert main(["run", "--dry-run", "--model", "kimi-k2", "--json"]) == 0
    planned["options"]["dry_run"] = True
    assert json.loads(capsys.readouterr().out) == planned


def test_plan_says_how_many_instances_a_difference_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["plan", "--model", "kimi-k2", "--num-instances", "10", "--json", "--power"]
    assert main([*words, "0.05"]) == 0
    sizes = {size["rate"]: size for size in json.loads(capsys.readouterr().out)["power"]}
    assert sizes[0.5]["instances"] == -(-sizes[0.5]["tasks"] // 5)
    assert sizes[0.5]["tasks"] > sizes[0.95]["tasks"] > 100
    assert sizes[0.5]["seen"] > 0.15  # fifty tasks show large differences alone
    assert main([*words, "0"]) == 2


@pytest.mark.parametrize("width", [40, 80, 200])
def test_plan_fits_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["plan", "--scenario", "all"]) == 0
    assert "SIMULATED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["plan", "--model", "qwen2.5-72b-instuct"], 'did you mean "qwen2.5-72b-instruct"?'),
        (["plan", "--num-instances", "1000000000"], "--num-instances"),
        (["plan", "--rate-mode", "fixd"], 'did you mean "fixed"?'),
        (["plan", "--pool", "none.toml"], "no such file"),
        (["run", "--scenario", "7.1"], "--scenario"),
        (["pln"], "pln"),
        (["plan", "--nonsense"], "--nonsense"),
        (["report", "nowhere"], "nowhere"),
        (["status", "nowhere"], "nowhere"),
        (["audit", "nowhere"], "nowhere"),
        (["import", "nowhere.jsonl"], "nowhere.jsonl"),
        (["repair", "nowhere"], "nowhere"),
        (["tools", "file_operations_readr"], 'did you mean "file_operations_reader"?'),
    ],
)
def test_wrong_input_is_told_in_words_with_exit_code_2(
    words: list[str], printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert printed in err
    assert err.rstrip().splitlines()[-1].startswith("hint: ")
    assert "Traceback" not in out + err


def test_tools_lists_thirty_and_describes_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "--json"]) == 0
    specs = {spec["name"]: spec for spec in json.loads(capsys.readouterr().out)}
    assert len(specs) == 30
    assert main(["tools"]) == 0
    listed = capsys.readouterr().out.split()
    assert set(specs) <= set(listed)
    assert main(["tools", "data_processing_parser"]) == 0
    printed = capsys.readouterr().out
    spec = specs["data_processing_parser"]
    assert printed.startswith(f"data_processing_parser: {spec['description'][:60]}")
    assert all(name in printed for name in (*spec["parameters"]["properties"], *spec["returns"]))
    assert f"needs: {', '.join(spec['needs'])}" in printed
    assert f"errors: {', '.join(spec['errors'])}" in printed


def test_help_and_mistakes_come_before_anything_heavy() -> None:
    code = (
        "import sys; from stormproof.cli import main; main(['run', '--help']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pyarrow", "scipy", "numpy", "duckdb"}.isdisjoint(done.stderr.split())
