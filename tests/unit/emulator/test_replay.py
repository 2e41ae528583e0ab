from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from stormproof.domain.calls import Message, Request
from stormproof.emulator.replay import (
    END_OF_RECORDING,
    Recording,
    Replay,
    recordings,
    replay_trial,
)
from stormproof.errors import ConfigError
from stormproof.suites.workflows.prompts import opening

LINE = {
    "episode_id": "one",
    "model": "m",
    "task_id": "t",
    "task_type": "simple_task",
    "prompt_type": "optimal",
    "description": "Do it.",
    "prompt": " Please do it. ",
    "required_tools": ["network_fetcher"],
    "messages": [
        {"role": "assistant", "content": "first", "turn": 1},
        {"role": "user", "content": "seen", "turn": 1},
        {"role": "assistant", "content": "second", "turn": 2},
    ],
}


def recording() -> Recording:
    return msgspec.convert(LINE, Recording)


def conversation(*first: Message, answers: int) -> Request:
    more = [m for _ in range(answers) for m in (Message("assistant", "a"), Message("user", "o"))]
    return Request("x", answers, "m", (*first, *more))


def test_the_nth_request_of_a_recorded_trial_gets_its_nth_answer_and_then_the_end() -> None:
    trial, task = replay_trial(recording())
    first = opening(task, trial.condition)
    replay = Replay([recording()])
    said = [replay(conversation(*first, answers=n)).text for n in (1, 0, 2, 7)]
    assert said[:2] == ["second", "first"]
    assert all(text.startswith(END_OF_RECORDING) for text in said[2:])


def test_the_recorded_prompt_itself_is_known_too_but_only_to_its_model() -> None:
    replay = Replay([recording()])
    asked = conversation(Message("user", "Please do it."), answers=0)
    assert replay(asked).text == "first"
    other = msgspec.structs.replace(asked, model="other")
    assert replay(other).text.startswith(END_OF_RECORDING)


def test_recordings_are_read_plain_or_packed(tmp_path: Path) -> None:
    data = msgspec.json.encode(LINE) + b"\n\n" + msgspec.json.encode(LINE)
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(data))
    read = list(recordings([tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"]))
    assert read == [recording()] * 4


@pytest.mark.parametrize("data", [b'{"episode_id": 3}', b"\x1f\x8bxx", b"nonsense", b"\xff"])
def test_what_is_no_recording_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"bad\.jsonl"):
        list(recordings([path]))
    with pytest.raises(ConfigError, match="nowhere"):
        list(recordings(["nowhere"]))
