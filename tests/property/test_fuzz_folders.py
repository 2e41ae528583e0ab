"""Recordings and results folders with anything in them: read, or told about with their place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormproof.cli import main
from stormproof.store import Header, open_store
from stormproof.store.record_lines import to_line
from stormproof.testing.records import a_trial, a_turn, an_episode

FUZZ = int(os.environ.get("FUZZ", "1"))  # times as many inputs as usual; torture has 40

READER = "file_operations_reader"
RECORDED: dict[str, Any] = {
    "model": "m",
    "task_id": "t1",
    "task_type": "simple_task",
    "prompt_type": "optimal",
    "description": "Read it.",
    "required_tools": [READER],
    "prompt": "Do it.",
    "messages": [
        {"role": "user", "content": "Do it.", "turn": 0},
        {
            "role": "assistant",
            "content": "<tool_call>file_operations_reader</tool_call>",
            "turn": 1,
        },
    ],
    "executions": [{"tool": READER, "success": True, "error": None}],
    "api_issues": [],
    "recorded": {"success": True, "tool_calls": 1, "error": None, "execution_time_s": 1.5},
}
texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def recordings(draw: st.DrawFn) -> bytes:
    """A recorded episode with up to two fields dropped or holding anything; or any bytes."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=60)).replace(b"\n", b"")
    made = deepcopy(RECORDED)
    tables = [made, *made["messages"], *made["executions"], made["recorded"]]
    for _ in range(draw(st.integers(0, 2))):
        table = draw(st.sampled_from(tables))
        key = draw(st.sampled_from([*sorted(table), "more"]))
        table[key] = draw(values)
        if draw(st.booleans()):
            del table[key]
    return json.dumps(made).encode()


def output_of(*words: str) -> tuple[int, str]:
    """Exit code and stderr: never a traceback, never "this is a bug"; errors come with hints."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    said = err.getvalue()
    assert code in {0, 1, 2, 3}, said
    assert "Traceback" not in said
    if code in {2, 3}:
        assert said.startswith("error: "), said
        assert "\nhint: " in said, said
    return code, said


@settings(max_examples=15 * FUZZ, deadline=None)
@given(st.lists(recordings(), min_size=1, max_size=3))
def test_any_recording(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, results = Path(folder) / "a b.jsonl", str(Path(folder) / "r")
        file.write_bytes(b"\n".join(lines))
        code, said = output_of("import", str(file), "--results", results)
        assert code in {0, 1}
        assert code == 0 or "a b.jsonl:" in said
        if Path(results).exists():
            output_of("audit", results, "--json")


@pytest.fixture(scope="module")
def sound() -> Iterator[Path]:
    """A results folder with sealed parts and a journal."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "r"
        anyio.run(_fill, folder)
        yield folder


async def _fill(folder: Path) -> None:
    async with open_store(folder, Header(suite="1", seed=0), storage_format="json") as store:
        for number in range(3):
            trial = a_trial(number)
            turns = [a_turn(0), a_turn(1)]
            for turn in turns:
                await store.turn(trial.trial_id, turn)
            if number < 2:
                await store.episode(an_episode(trial, turns))
            if number == 0:
                await store.seal()


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, float, bytes]:
    """What to do where, and with what."""
    line = to_line(json.dumps(draw(values)).encode("utf-8", "surrogatepass"))
    data = draw(st.binary(max_size=20) | st.just(line) | texts.map(str.encode))
    how = draw(st.sampled_from(["cut", "insert", "overwrite", "replace", "append", "remove"]))
    return how, draw(st.floats(0, 1)), data


def damage(path: Path, how: str, where: float, data: bytes) -> None:
    was = path.read_bytes()
    at = int(where * len(was))
    if how == "remove":
        path.unlink()
        return
    made = {
        "cut": was[:at],
        "insert": was[:at] + data + was[at:],
        "overwrite": was[:at] + data + was[at + len(data) :],
        "replace": data,
        "append": was + data,
    }
    path.write_bytes(made[how])


@settings(max_examples=15 * FUZZ, deadline=None)
@given(st.floats(0, 0.999), st.lists(damages(), min_size=1, max_size=2))
def test_any_results_folder(
    sound: Path, which: float, done: list[tuple[str, float, bytes]]
) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "r"
        shutil.copytree(sound, folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        path = files[int(which * len(files))]
        for how, where, data in done:
            if path.exists():
                damage(path, how, where, data)
        for command in ("status", "audit", "report", "repair", "status"):
            output_of(command, str(folder))
