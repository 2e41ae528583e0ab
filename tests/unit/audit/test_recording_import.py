from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stormproof.audit import audit_folder, import_files, recompute_folder
from stormproof.cli.audit_text import audit_text, recomputed_text
from stormproof.errors import ConfigError, StoreError
from stormproof.store import episode_table, read_episodes, read_header

CORPUS = Path(__file__).parents[3] / "../shared/corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the recorded corpus is not here")

VERDICTS = {
    "DeepSeek-R1-0528": "sound",
    "DeepSeek-V3-0324": "sound",
    "Llama-3.3-70B-Instruct": "distorted by infrastructure",
    "qwen2.5-14b-instruct": "distorted by harness",
    "qwen2.5-32b-instruct": "distorted by harness",
    "qwen2.5-3b-instruct": "distorted by harness",
    "qwen2.5-72b-instruct": "distorted by infrastructure",
    "qwen2.5-7b-instruct": "distorted by harness",
}


def line(**fields: Any) -> str:
    recording = {
        "episode_id": "e1",
        "model": "m",
        "task_id": "t1",
        "task_type": "simple_task",
        "prompt_type": "optimal",
        "required_tools": ["network_fetcher"],
        "prompt": "p",
        "messages": [{"role": "assistant", "content": "\x1b[31m<tool_call>x", "turn": 1}],
        "executions": [],
        "recorded": {"success": False, "workflow_score": 0.0},
    }
    return json.dumps(recording | fields)


def shown(parts: list[Any]) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(*parts, sep="\n")
    return console.export_text()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported") / "results"
    done = import_files([CORPUS], folder)
    assert (done.added, done.known, done.bad_lines) == (640, 0, ())
    return folder


@needs_corpus
def test_the_same_file_twice_adds_nothing(imported: Path) -> None:
    done = import_files([CORPUS / "recorded_episodes.jsonl.gz"], imported)
    assert (done.added, done.known) == (0, 640)
    assert episode_table(imported).num_rows == 640


@needs_corpus
def test_the_store_gives_back_what_was_recorded(imported: Path) -> None:
    again = recompute_folder(imported)
    assert again.recordings == 640
    assert (again.executed_tools, again.end_point, again.workflow_score) == (640, 640, 640)
    assert again.disagreements == ()
    assert "workflow score" in shown(recomputed_text(again))


@needs_corpus
def test_verdicts_on_the_published_recordings(imported: Path) -> None:
    found = audit_folder(imported, ["prompt_type"])
    assert {group.name["model"]: group.verdict for group in found.models} == VERDICTS
    silenced = next(g for g in found.models if g.name["model"] == "qwen2.5-72b-instruct")
    assert (silenced.episodes, silenced.infrastructure, silenced.known) == (80, 59, 0)
    assert len(found.cells) == 64
    text = shown(audit_text(found))
    assert "distorted by harness" in text
    assert "SIMULATED" not in text


@needs_corpus
def test_the_old_success_stands_beside_ours(imported: Path) -> None:
    stored = {e.trial.trial_id: e for e in read_episodes(imported)}
    assert sum(bool((e.recorded or {})["success"]) for e in stored.values()) == 258
    assert sum(e.score is not None and e.score.success == "full" for e in stored.values()) == 103
    assert all(e.source == "imported" for e in stored.values())


def test_bad_lines_are_reported_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join([line(), "{not json", "", line(episode_id="e2"), '{"model": 3}']))
    done = import_files([file], tmp_path / "out")
    assert done.added == 2
    assert [(bad.file, bad.line) for bad in done.bad_lines] == [(str(file), 2), (str(file), 5)]
    assert all(bad.reason for bad in done.bad_lines)
    assert read_header(tmp_path / "out").created_at > 0


def test_a_torn_gzip_gives_what_came_before(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(line(episode_id=f"e{i}") for i in range(4000)).encode())
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    done = import_files([tmp_path], tmp_path / "out")
    assert 0 < done.added < 4000
    assert "unreadable" in done.bad_lines[-1].reason


def test_what_is_no_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        import_files([tmp_path / "absent.jsonl"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no recordings"):
        import_files([tmp_path / "empty"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_audit_needs_episodes(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        audit_folder(tmp_path)
