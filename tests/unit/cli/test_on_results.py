"""Every command on the results of one real run against the embedded emulator."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stormproof.cli import main, ultra_parallel_runner
from stormproof.domain.episodes import Episode
from stormproof.report.contents import gather
from stormproof.store import read_episodes, same_records

MODELS = ("gpt-4o-mini", "qwen2.5-3b-instruct")
# 8 trials: two models, two prompt types, two tasks; some three seconds of simulated answering.
WORDS = ("--model", ",".join(MODELS), "--prompt-types", "optimal,baseline", "--task-types",
         "simple_task", "--num-instances", "2", "--max-turns", "3")  # fmt: skip
TRIALS = 8


class Ran(NamedTuple):
    """A run that has ended: its words, its folder, and what it printed."""

    words: tuple[str, ...]
    folder: Path
    summary: dict[str, Any]
    talk: str

    @property
    def episodes(self) -> list[Episode]:
        return list(read_episodes(self.folder))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("cli") / "results"
    words = (*WORDS, "--results", str(folder))
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main(["run", *words, "--json"]) == 0
    return Ran(words, folder, json.loads(out.getvalue()), err.getvalue())


@pytest.fixture
def ran(made: Ran, tmp_path: Path) -> Ran:
    """A copy of that run, free to be written to."""
    folder = tmp_path / "results"
    shutil.copytree(made.folder, folder)
    return made._replace(words=(*made.words[:-1], str(folder)), folder=folder)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command that ends well; gives its standard output and its standard error."""

    def call(*words: object, code: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        assert main([str(word) for word in words]) == code
        told = capsys.readouterr()
        return told.out, told.err

    return call


def full(ran: Ran, model: str) -> int:
    scores = [e.score for e in ran.episodes if e.trial.model == model]
    return sum(score is not None and score.success == "full" for score in scores)


def test_run_says_what_it_did(made: Ran) -> None:
    done = made.summary
    names = ("planned", "scored", "ran", "infrastructure", "remaining")
    assert [done[name] for name in names] == [TRIALS, TRIALS, TRIALS, 0, 0]
    assert (done["simulated"], done["interrupted"]) == (True, False)
    assert done["calls"] == sum(len(e.turns) for e in made.episodes)
    usages = [e.usage for e in made.episodes]
    assert done["tokens"] == sum(u.prompt_tokens + u.completion_tokens for u in usages)
    assert "SIMULATED" in made.talk


def test_run_leaves_an_episode_for_each_trial(made: Ran) -> None:
    episodes = made.episodes
    assert len({e.trial.trial_id for e in episodes}) == TRIALS
    assert {e.trial.model for e in episodes} == set(MODELS)
    assert all(e.simulated and e.score is not None for e in episodes)
    assert all(len(e.turns) <= 3 for e in episodes)


def test_run_again_does_nothing_and_says_so(ran: Ran, said: Any) -> None:
    before = ran.episodes
    out, err = said("run", *ran.words)
    assert f"nothing to do: all {TRIALS} planned trials are scored" in err
    assert all(model in out for model in MODELS)
    assert "SIMULATED" in out
    assert ran.episodes == before


def test_the_older_name_runs_too(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["ultra-parallel-runner", *ran.words, "--json"])
    assert ultra_parallel_runner() == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["planned"], done["scored"], done["ran"]) == (TRIALS, TRIALS, 0)


def test_a_longer_run_adds_only_what_is_missing(ran: Ran, said: Any) -> None:
    more = [*ran.words, "--tool-success-rate", "0.8,1.0"]
    more[1] = MODELS[0]
    out, _ = said("run", *more, "--json")
    done = json.loads(out)
    assert (done["planned"], done["ran"], done["scored"]) == (8, 4, 8)
    assert len(ran.episodes) == TRIALS + 4


def test_plan_after_a_run_counts_what_is_done(made: Ran, said: Any) -> None:
    words = [*made.words]
    words[words.index("--num-instances") + 1] = "5"
    out, _ = said("plan", *words, "--json")
    data = json.loads(out)
    assert (data["planned"], data["done"], data["remaining"]) == (20, TRIALS, 20 - TRIALS)
    out, _ = said("plan", *words)
    [line] = [line for line in out.splitlines() if line.split()[:1] == ["optimal"]]
    assert line.split()[-4:] == ["10", "40", "4", "6"] or line.split()[-3:] == ["10", "4", "6"]


def test_status_counts_every_cell(made: Ran, said: Any) -> None:
    out, _ = said("status", made.folder, "--json")
    data = json.loads(out)
    assert (data["planned"], data["scored"], data["infrastructure"], data["remaining"]) == (
        TRIALS, TRIALS, 0, 0
    )  # fmt: skip
    assert data["simulated"] is True
    found = {(c["model"], c["condition"]["prompt_type"]): c["scored"] for c in data["cells"]}
    assert found == {(m, p): 2 for m in MODELS for p in ("optimal", "baseline")}


def test_status_and_report_name_the_workers_of_the_last_run_that_had_any(
    ran: Ran, said: Any
) -> None:
    with (ran.folder / "pool.jsonl").open("a") as file:
        for t, name, turns, state in (
            (2, "worker 1", 3, "at work"), (1, "worker 1", 5, "at work"),
            (1, "worker 10", 0, "spare"), (2, "worker 1", 7, "gone: process 9 has ended"),
        ):  # fmt: skip
            line = {"worker": name, "t": t, "place": "process 9", "turns": turns, "state": state}
            file.write(json.dumps(line | {"endpoints": ["a", "b"]}) + "\n")
    out, _ = said("status", ran.folder)
    assert re.search(r"worker 1 +process 9 +gone: process 9 has ended +2 +7\n", out)
    out, _ = said("status", ran.folder, "--json")
    assert [worker["turns"] for worker in json.loads(out)["workers"]] == [7, 0]
    (table,) = (table for table in gather(ran.folder).tables if table.key == "workers")
    assert table.rows == (
        ("worker 1", "process 9", 2, 7, "gone: process 9 has ended"),
        ("worker 10", "process 9", 2, 0, "spare"),
    )


def test_status_says_how_many_sends_were_given_up_too_early(ran: Ran, said: Any) -> None:
    out, _ = said("status", ran.folder, "--json")
    before = json.loads(out)
    assert before["sends"] > 0 == before["false_alarms"]
    with (ran.folder / "pool.jsonl").open("a") as file:
        for t, sends, early in ((100, 5, 0), (101, 900, 2), (1, 80, 1)):
            line = {"id": "e", "t": t, "sends": sends, "false_alarms": early}
            file.write(json.dumps(line) + "\n")
    _, err = said("status", ran.folder)
    assert f"given up too early: 3 of {before['sends'] + 980:,} sends" in err


def test_status_in_words(made: Ran, said: Any) -> None:
    out, _ = said("status", made.folder)
    assert "models are SIMULATED" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["all", str(TRIALS), str(TRIALS), "0", "0", "0"] in rows
    assert [MODELS[0], "optimal", "easy", "0.8", "simple_task", "2", "2", "0", "0", "0"] in rows


def test_report_on_screen_tells_success_per_model(made: Ran, tmp_path: Path, said: Any) -> None:
    out, _ = said("report", made.folder, "--format", "csv", "--out", tmp_path)
    assert "SIMULATED" in out
    for model in MODELS:
        rate = f"{100 * full(made, model) / 4:.1f}"
        assert re.search(rf"^ {re.escape(model)} \(SIMULATED\) +{rate} \[", out, re.MULTILINE)


def test_report_writes_every_format(ran: Ran, said: Any) -> None:
    out, err = said("report", ran.folder, "--quiet")
    assert out == ""
    folder = ran.folder / "report"
    with (folder / "tables" / "overall.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    for model in MODELS:
        row = rows[f"{model} (SIMULATED)"]
        assert float(row["success (share)"]) == full(ran, model) / 4
        assert (row["scored"], row["infra"], row["full"]) == ("4", "0", str(full(ran, model)))
    markdown = (folder / "report.md").read_text()
    assert "### Overall" in markdown
    assert "SIMULATED" in markdown
    assert r"\begin{tabular}" in (folder / "tables" / "overall.tex").read_text()
    assert (folder / "charts" / "success.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "charts" / "success.svg").read_text()
    page = (folder / "report.html").read_text()
    assert all(model in page for model in (*MODELS, "SIMULATED"))
    assert not re.search(r"""(?:src|href)=["']https?:""", page)  # one file, readable offline
    for path in (
        "report.html",
        "report.md",
        "tables/completeness.csv",
        "tables/completeness.tex",
    ):
        assert f"wrote {folder / path}" in err


def test_report_without_charts_says_what_they_need(
    ran: Ran, tmp_path: Path, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)  # as if it were not installed
    _, err = said("report", ran.folder, "--out", tmp_path, "--quiet")
    assert "pip install 'stormproof[charts]'" in err
    assert (tmp_path / "report.html").is_file()


def test_report_writes_no_other_format_than_asked(ran: Ran, tmp_path: Path, said: Any) -> None:
    out, _ = said(
        "report", ran.folder, "--format", "markdown, csv", "--out", tmp_path / "o", "--json"
    )
    written = json.loads(out)
    assert list(written) == ["markdown", "csv"]
    assert all(Path(path).is_file() for paths in written.values() for path in paths)
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"report.md", "tables"}
    assert not (ran.folder / "report").exists()


def test_report_sets_two_folders_side_by_side(made: Ran, tmp_path: Path, said: Any) -> None:
    words = ["report", made.folder, "--compare", made.folder, "--out", tmp_path, "--quiet"]
    said(*words, "--format", "markdown,csv")
    with (tmp_path / "tables" / "compare_paired.csv").open() as file:
        paired = list(csv.DictReader(file))
    assert [row["model"] for row in paired] == [f"{model} (SIMULATED)" for model in MODELS]
    for row in paired:  # a folder against itself
        assert row["A: success (share)"] == row["B: success (share)"]
        assert (row["tasks paired"], float(row["difference (share)"])) == ("2", 0)
    assert "### Paired differences" in (tmp_path / "report.md").read_text()


def test_report_counts_money_by_a_file_of_prices(made: Ran, tmp_path: Path, said: Any) -> None:
    file = tmp_path / "prices.json"
    entry = {"input_cost_per_token": 1e-3, "output_cost_per_token": 2e-3}
    file.write_text(json.dumps({MODELS[0]: entry}))
    words = ["report", made.folder, "--format", "html", "--out", tmp_path, "--quiet"]
    _, err = said(*words)
    assert "prices of" not in err
    assert "Nobody gave prices." in (tmp_path / "report.html").read_text()
    _, err = said(*words, "--prices", file)
    assert f'prices of {MODELS[0]}: entry "{MODELS[0]}" of {file}: 1000 in, 2000 out' in err
    assert f"prices of {MODELS[1]}: none; {file} prices no" in err
    turns = [turn for e in made.episodes if e.trial.model == MODELS[0] for turn in e.turns]
    usages = [turn.answer.reply.usage for turn in turns]
    cost = sum(u.prompt_tokens / 1e3 + u.completion_tokens / 500 for u in usages)
    assert f"{cost:,.2f} in the currency of the prices" in (tmp_path / "report.html").read_text()
    file.write_text("[]")
    assert "found no table of models" in said(*words, "--prices", file, code=2)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--format", "pdf"], "pdf"), (["--compare", "nowhere"], "nowhere")],
)
def test_report_refuses_what_is_not_there(
    words: list[str], told: str, made: Ran, tmp_path: Path, said: Any
) -> None:
    _, err = said("report", made.folder, "--out", tmp_path, *words, code=2)
    assert told in err
    assert "hint: " in err


def test_audit_gives_each_model_a_verdict(made: Ran, said: Any) -> None:
    out, _ = said("audit", made.folder)
    assert f"Audit of {TRIALS} episodes" in out
    assert "SIMULATED" in out
    assert all(f"{model}: sound" in out for model in MODELS)


def test_audit_as_json_and_by_prompt_type(made: Ran, said: Any) -> None:
    out, _ = said("audit", made.folder, "--json")
    found = json.loads(out)
    assert (found["episodes"], found["simulated"]) == (TRIALS, TRIALS)
    for model in found["models"]:
        assert model["recorded"]["estimate"] == full(made, model["name"]["model"]) / 4
        assert (model["infrastructure"], model["calls_lost"]) == (0, 0)
    out, _ = said("audit", made.folder, "--by", "prompt_type")
    assert "baseline" in out
    assert "optimal" in out


def test_repair_of_a_sound_folder_changes_nothing(ran: Ran, made: Ran, said: Any) -> None:
    assert said("repair", ran.folder) == ("", "nothing is damaged\n")
    assert json.loads(said("repair", ran.folder, "--json")[0]) == []
    assert same_records(ran.folder, made.folder) == []


def test_repair_sets_aside_what_is_damaged_and_the_rest_is_run_again(ran: Ran, said: Any) -> None:
    [part] = (ran.folder / "turns").iterdir()
    part.write_bytes(part.read_bytes()[:-100])
    _, err = said("repair", ran.folder)
    assert part.name in err
    assert not part.exists()
    assert any(part.name in path.name for path in ran.folder.rglob("*")), "deleted"


CORPUS = Path(__file__).parents[3] / "../shared/corpus/recorded_episodes.jsonl.gz"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty recorded episodes, five of each model."""
    if not CORPUS.exists():
        pytest.skip("the recorded corpus is not here")
    import gzip  # noqa: PLC0415  for this alone

    file = tmp_path_factory.mktemp("recorded") / "some.jsonl"
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        file.write_text("".join(line for n, line in enumerate(lines) if n % 16 == 0))
    return file


def test_import_twice_adds_nothing_the_second_time(
    recordings: Path, tmp_path: Path, said: Any
) -> None:
    words = ("import", recordings, "--results", tmp_path / "r")
    _, err = said(*words)
    assert "40 episodes added" in err
    assert f"hint: stormproof audit {tmp_path / 'r'}" in err
    out, _ = said(*words, "--json")
    assert json.loads(out) == {"added": 0, "known": 40, "bad_lines": []}
    assert len(list(read_episodes(tmp_path / "r"))) == 40


def test_import_tells_the_lines_that_it_could_not_read(
    recordings: Path, tmp_path: Path, said: Any
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("{nonsense\n" + recordings.read_text().splitlines()[0] + "\n")
    _, err = said("import", file, "--results", tmp_path / "r", code=1)
    assert f"{file}:1" in err or "bad.jsonl" in err
    assert "1 episode added" in err
    assert "1 line unreadable" in err


def test_recorded_rules_give_what_was_recorded(recordings: Path, tmp_path: Path, said: Any) -> None:
    said("import", recordings, "--results", tmp_path / "r")
    out, _ = said("audit", tmp_path / "r", "--rules", "recorded")
    rows = [line.split() for line in out.splitlines()]
    assert ["executed", "tools", "40", "40"] in rows
    assert ["workflow", "score", "40", "40"] in rows
    out, _ = said("audit", tmp_path / "r", "--rules", "recorded", "--json")
    assert json.loads(out)["disagreements"] == []
    out, _ = said("audit", tmp_path / "r")
    assert "qwen2.5-72b-instruct: distorted" in out or "qwen2.5-72b-instruct: not usable" in out
    assert "SIMULATED" not in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the full disk of Linux")
def test_a_full_disk_is_told_as_the_file_s(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    page = ran.folder / "report" / "report.md"
    page.parent.mkdir(exist_ok=True)
    page.symlink_to("/dev/full")
    assert main(["report", str(ran.folder), "--format", "markdown", "--quiet"]) == 3
    assert capsys.readouterr().err.startswith(f"error: No space left on device: {page}\n")
