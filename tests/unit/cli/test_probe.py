from __future__ import annotations

from pathlib import Path

import pytest

from stormproof.cli import main

POOL = """
[providers.p]
base_url = "http://127.0.0.1:9/v1"
keys = ["env:PROBE_KEY"]
[models.m]
provider = "p"
"""


def test_without_a_pool_file_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe"]) == 2
    said = capsys.readouterr().err
    assert "--pool: found nothing" in said
    assert "hint: stormproof probe --pool FILE" in said


def test_mistakes_and_missing_keys_are_told_before_any_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pool.toml"
    monkeypatch.delenv("PROBE_KEY", raising=False)
    path.write_text(POOL)
    assert main(["probe", "--pool", str(path)]) == 2
    assert "not set in the environment: PROBE_KEY" in capsys.readouterr().err
    assert main(["probe", "--pool", str(path), "--model", "n"]) == 2
    assert 'found "n"; allowed: all, m' in capsys.readouterr().err
    path.write_text(POOL.replace("base_url", "base_ur"))
    assert main(["probe", "--pool", str(path)]) == 2
    assert 'did you mean "base_url"?' in capsys.readouterr().err


def test_an_endpoint_that_nobody_answers_at_is_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_KEY", "k")
    monkeypatch.setattr("stormproof.probe.asking.PAUSE_S", 0.01)
    path = tmp_path / "pool.toml"
    path.write_text(POOL)
    assert main(["probe", "--pool", str(path)]) == 1
    printed = capsys.readouterr()
    assert "reachable      NO" in printed.out
    assert "TROUBLE        cannot connect" in printed.out
    assert "Connection refused" in printed.out
    assert printed.err == ("probing 1 endpoint: at most 6 calls, 1,500 tokens in and 3,072 out\n")
