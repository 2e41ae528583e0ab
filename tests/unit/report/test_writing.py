from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace
from rich.console import Console

from stormproof.domain.calls import Answer, Message, Reply, Usage
from stormproof.domain.conditions import Condition
from stormproof.domain.episodes import Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import make_trial
from stormproof.errors import ConfigError, StoreError
from stormproof.plan import RunOptions, plan_run
from stormproof.report import FORMATS, closing_report, write_report
from stormproof.report.results import open_results
from stormproof.report.run_facts import Fact, facts
from stormproof.report.spending import spending
from stormproof.report.transcripts import SAMPLE, failed_ids, sample_ids, transcript
from stormproof.store import Header, append_run, open_store

PNG = b"\x89PNG"


def episode(number: int, model: str = "m", *, full: bool = True, seed: int = 0) -> Episode:
    prompts = ("optimal", "flawed_missing_step")
    trial = make_trial(
        suite="s", seed=seed, model=model, task_id=f"t{number // 2:03}", task_type="simple_task",
        condition=Condition(prompts[number % 2], "easy", 0.8),
    )  # fmt: skip
    call = Execution("network_fetcher", {"source": "u"}, ok=full, cause="" if full else "weather",
                     error_code=None if full else "TIMEOUT", message="", probability=0.8,
                     draw=0.3 if full else 0.9)  # fmt: skip
    reply = Reply("<tool_call>network_fetcher", usage=Usage(1000, 100))
    turns = tuple(
        Turn(i, Answer(reply, f"{model}-1", attempts=2, latency_ms=500), "call", (call,),
             (Message("user", "seen"),))
        for i in range(2)
    )  # fmt: skip
    level: Any = "full" if full else "failed"
    score = Score(level, full, 1.0, 1.0, 1.0, None, 0, "" if full else "incomplete")
    return Episode(trial, "completed", "done", turns, score, 0.9, started_at=1.7e9 + number,
                   ended_at=1.7e9 + number + 5)  # fmt: skip


async def fill(folder: Path, episodes: list[Episode]) -> None:
    async with open_store(folder, Header(suite="s", seed=0, stormproof="0.1")) as store:
        for made in episodes:
            await store.episode(made)


def make(folder: Path, episodes: list[Episode]) -> Path:
    anyio.run(fill, folder, episodes)
    endpoint = {"endpoint_id": "m-1", "model": "m", "price_in": 2.0, "price_out": 10.0}
    append_run(folder, {"options": {"rate_mode": "fixed", "stagger": [0, 30]},
                        "endpoints": [endpoint]})  # fmt: skip
    lines = [
        {"id": "m-1", "t": float(t), "in_flight": 2, "window": 4, "rps": 1.5, "refused": t // 3}
        for t in range(1, 12)
    ]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"torn')
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "results"
    episodes = [
        episode(i, model, full=i % (3 if model == "m" else 2) > 0)
        for model in ("m", "n")
        for i in range(60)
    ]
    gone = replace(episode(70), outcome="infrastructure", ending="infrastructure", score=None,
                   error="503 from the gateway", turns=())  # fmt: skip
    return make(folder, [*episodes, gone])


def test_every_format_is_written(results: Path, tmp_path: Path) -> None:
    written = write_report(results, out=tmp_path / "out")
    assert tuple(written) == FORMATS == ("html", "markdown", "csv", "latex", "charts")
    paths = [path for group in written.values() for path in group]
    assert all(path.is_relative_to(tmp_path / "out") and path.stat().st_size for path in paths)
    names = {path.name for path in paths}
    assert {"report.html", "report.md", "overall.csv", "overall.tex", "success.svg",
            "success.png", "flaws.png", "capacity.svg", "throughput.png"} <= names  # fmt: skip
    for path in written["charts"]:
        content = path.read_bytes()
        assert content.startswith(PNG if path.suffix == ".png" else b"<svg")


def test_without_their_extra_charts_are_left_out_in_words(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("altair", "vl_convert"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    written = write_report(results, out=tmp_path)
    assert written.pop("charts") == ()
    assert all(written.values())
    page = written["html"][0].read_text()
    assert "Charts need" in page
    assert "<svg" not in page
    with pytest.raises(ConfigError, match="no charts") as refused:
        write_report(results, formats=("csv", "charts"), out=tmp_path)
    assert "pip install 'stormproof[charts]'" in refused.value.hint


def on_screen(folder: Path, out: Path, compare: Path | None = None) -> str:
    console = Console(width=400, file=io.StringIO(), record=True)
    write_report(folder, formats=("csv",), out=out, compare=compare, show=console.print)
    return console.export_text()


def test_every_form_says_the_same(results: Path, tmp_path: Path) -> None:
    written = write_report(results, formats=("csv", "markdown"), out=tmp_path)
    overall = next(p for p in written["csv"] if p.name == "overall.csv")
    rows = list(csv.DictReader(io.StringIO(overall.read_text())))
    assert [(r["model"], r["full"], r["failed"], r["scored"], r["infra"]) for r in rows] == [
        ("m", "40", "20", "60", "1"),
        ("n", "30", "30", "60", "0"),
    ]
    for text in (on_screen(results, tmp_path), written["markdown"][0].read_text()):
        assert f"{100 * float(rows[0]['success (share)']):.1f} " in text
        assert "infra" in text
        assert "SIMULATED" not in text


def test_a_run_ends_with_one_table_along_its_own_axis(results: Path) -> None:
    """Two models under two prompts are four rows, each of one condition."""
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(*closing_report(results), sep="\n")
    text = console.export_text()
    rows = [line.split() for line in text.splitlines() if line.startswith((" m ", " n "))]
    assert [row[0] for row in rows] == ["m", "n"] * (len(rows) // 2)
    assert sum(int(row[-3]) for row in rows) == 120
    assert text.count("By condition") == 1
    assert "By task type" not in text


def facts_of(folder: Path) -> tuple[Fact, ...]:
    results = open_results(folder)
    return facts(results, spending(results))


def test_what_was_run_and_what_it_cost(results: Path) -> None:
    found = {fact.name: fact.value for fact in facts_of(results)}
    assert found["episodes"] == "120 scored, 1 ended by infrastructure"
    assert (found["rate mode"], found["stagger"]) == ("fixed", "0, 30")
    assert found["tokens"] == "240,000 in, 24,000 out"
    assert found["started"] == "2023-11-14 22:13:20 UTC"
    assert found["answered by"] == "the models themselves"


def test_results_of_racing_copies_are_labelled_before_any_figure(tmp_path: Path) -> None:
    folder = make(tmp_path / "hedged", [episode(i, full=i % 3 > 0) for i in range(60)])
    append_run(folder, {"options": {"hedge": "all"}, "endpoints": []})
    written = write_report(folder, formats=("html", "markdown"), out=tmp_path / "out")
    console = Console(width=400, file=io.StringIO(), record=True)
    console.print(*closing_report(folder), sep="\n")
    page = written["html"][0].read_text()
    for text in (console.export_text(), written["markdown"][0].read_text(), page):
        assert text.index("HEDGED") < text.index("success")
    assert {fact.name: fact.value for fact in facts_of(folder)}["hedge"] == "all"


def test_how_models_were_asked_where_not_all_agree(results: Path) -> None:
    asked = {"temperature": 0.0, "max_completion_tokens": 500, "max_tokens": ""}
    forms = {"m": asked, "n": {}}
    endpoints = [{"endpoint_id": n, "model": n, "parameters": forms[n]} for n in forms]
    folder = make(results.parent / "asked", [episode(0, full=True)])
    append_run(folder, {"options": {}, "endpoints": endpoints})
    found = {fact.name: fact.value for fact in facts_of(folder)}
    assert found["temperature"] == "the service's own (m, n); 0.0 (m)"  # in two runs
    assert found["most tokens of a reply"] == "the service's own (m, n); 500 (m)"


def test_money_where_there_are_prices(results: Path, tmp_path: Path) -> None:
    written = write_report(results, formats=("csv",), out=tmp_path)["csv"]
    table = next(p for p in written if p.name == "endpoints.csv")
    rows = {r["endpoint"]: r for r in csv.DictReader(io.StringIO(table.read_text()))}
    assert float(rows["m-1"]["cost"]) == pytest.approx((120_000 * 2 + 12_000 * 10) / 1e6)
    assert rows["n-1"]["cost"] == ""
    assert (rows["m-1"]["calls"], rows["m-1"]["sends beyond"]) == ("120", "120")


def test_two_folders_side_by_side(results: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", [episode(i, full=i % 4 == 0) for i in range(60)])
    written = write_report(results, formats=("csv", "html"), out=tmp_path / "out", compare=other)
    tables = {p.stem: list(csv.DictReader(io.StringIO(p.read_text()))) for p in written["csv"]}
    side = {row["model"]: row for row in tables["compare"]}
    assert (side["m"]["results: scored"], side["m"]["other: scored"]) == ("60", "60")
    assert side["n"]["other: scored"] == ""
    (paired,) = tables["compare_paired"]
    assert paired["tasks paired"] == "30"
    expected = 40 / 60 - 15 / 60
    assert float(paired["difference (share)"]) == pytest.approx(expected)
    assert "results against other" in written["html"][0].read_text()
    text = on_screen(results, tmp_path / "out", other)
    assert 0 < text.index("results against other") < text.index("Overall")


def test_two_folders_of_one_name_are_told_apart(results: Path, tmp_path: Path) -> None:
    again = make(tmp_path / results.name, [episode(i) for i in range(4)])
    assert f"A is {results}, B is {again}." in on_screen(results, tmp_path / "out", again)


def test_wrong_wishes_are_errors(results: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'pdf'") as caught:
        write_report(results, formats=("pdf",))
    assert "markdown" in caught.value.hint
    with pytest.raises(ConfigError, match="'some'") as caught:
        write_report(results, episodes="some")  # type: ignore[arg-type]
    assert "failed" in caught.value.hint
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file: is no folder"):
        write_report(results, formats=("csv",), out=tmp_path / "file")
    with pytest.raises(StoreError):
        write_report(tmp_path)
    anyio.run(fill, tmp_path / "empty", [])
    with pytest.raises(ConfigError, match="no episode"):
        write_report(tmp_path / "empty")


def test_the_sample_shows_every_model_and_outcome(results: Path) -> None:
    frame = open_results(results).episodes
    chosen = sample_ids(frame, 12)
    assert len(set(chosen)) == 12
    rows = {frame.value("trial_id", i): i for i in range(len(frame))}
    kinds = {(frame.value("model", rows[t]), frame.value("success", rows[t])) for t in chosen}
    assert kinds == {("m", "full"), ("m", "failed"), ("m", ""), ("n", "full"), ("n", "failed")}
    assert len(sample_ids(frame)) == SAMPLE
    assert sample_ids(frame) == sample_ids(frame)
    assert len(failed_ids(frame)) == 50


def test_every_failed_episode_on_request(results: Path, tmp_path: Path) -> None:
    pages = write_report(results, formats=("html",), out=tmp_path, episodes="failed")["html"]
    assert [page.name for page in pages] == ["failed-0001.html", "report.html"]
    assert pages[0].read_text().count('<details class="episode"') == 50
    assert 'href="failed-0001.html"' in pages[1].read_text()


def test_a_turn_in_words() -> None:
    found = transcript(episode(1, full=False))
    assert (found.kind, found.prompt, len(found.turns)) == ("failed", "flawed_missing_step", 2)
    turn = found.turns[0]
    assert turn.action == "a tool call"
    assert turn.marks == ("2 sends",)
    assert turn.shown == "seen"
    assert turn.served == "m-1 · 1,000 + 100 tokens · 500 ms"
    (step,) = turn.tool_calls
    assert not step.ok
    assert step.came.startswith("failed by the weather (drew 0.90 > 0.80)")
    assert "done all the same" in step.came


def test_simulated_is_said_in_every_file(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "r",
        [replace(episode(i, full=i % 3 > 0), simulated=True) for i in range(60)],
    )
    for paths in write_report(folder).values():
        for path in (p for p in paths if p.suffix != ".png"):
            assert "SIMULATED" in path.read_text(), path.name
    page = (folder / "report" / "report.html").read_text()
    assert page.count("not by models") == 1, "the banner says it for all tables"


def test_ceilings_are_explained_where_there_are_any(tmp_path: Path) -> None:
    for name, made in (("with", episode(0)), ("without", replace(episode(0), ceiling=None))):
        anyio.run(fill, tmp_path / name, [made])
        [path] = write_report(tmp_path / name, formats=("markdown",))["markdown"]
        assert ("Ceiling is" in path.read_text()) == (name == "with")


def gone(number: int) -> Episode:
    return replace(episode(number), outcome="infrastructure", ending="infrastructure",
                   score=None, turns=())  # fmt: skip


@pytest.mark.parametrize(
    "episodes",
    [
        [episode(0)],
        [gone(0), gone(1)],
        [episode(0), gone(1), gone(2)],
        [episode(0, full=False), episode(1, full=False)],
        [replace(episode(0), ceiling=None, turns=())],
        [episode(0), episode(0, "another"), gone(1)],
    ],
    ids=["one", "none scored", "one of three", "all failed", "bare", "two models, one task"],
)
def test_the_smallest_runs_have_a_report_too(tmp_path: Path, episodes: list[Episode]) -> None:
    folder = tmp_path / "r"
    anyio.run(fill, folder, episodes)
    written = write_report(folder, episodes="failed")
    assert set(written) == set(FORMATS)
    assert "What was run" in written["html"][-1].read_text()
    assert "Overall" in on_screen(folder, tmp_path / "out")


def test_a_run_of_which_nothing_has_ended_says_what_it_planned(tmp_path: Path) -> None:
    plan = plan_run(RunOptions(models=("kimi-k2",), scenarios=("5.4",), num_instances=2))
    anyio.run(fill, tmp_path / "r", [])
    append_run(tmp_path / "r", {"options": plan.options, "endpoints": plan.endpoints})
    written = write_report(tmp_path / "r", episodes="failed")
    assert written["charts"] == ()
    page = written["html"][-1].read_text()
    assert "UNFINISHED: 0 of 40 planned trials are scored" in page
    for paths in written.values():
        assert all("kimi-k2" in path.read_text() for path in paths if path.stem != "overall")
    assert "What was planned" in on_screen(tmp_path / "r", tmp_path / "out")
    assert closing_report(tmp_path / "r")
