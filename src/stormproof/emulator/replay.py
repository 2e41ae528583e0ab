"""Recorded episodes served as if their models were answering again.

A request belongs to the recording that its opening names (`[recording ID]`, as `replay_trial`
writes it into the task), or whose prompt it holds; its n-th assistant message is the answer.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from stormproof.domain.calls import Reply, Request
from stormproof.domain.conditions import Condition, TaskType
from stormproof.domain.tasks import Resource, Step, Task
from stormproof.domain.trials import Trial, make_trial
from stormproof.emulator.agent_decisions import opening_of
from stormproof.errors import ConfigError

END_OF_RECORDING = "(The recording ends here.)"
_MARK = re.compile(r"\[recording ([^\]\s]{1,200})\]")
_DATA = '[{"id": 1, "value": 3.5}, {"id": 2, "value": 4.5}]'
_MAX_TURNS = 50  # more than any recording has, so that each is played to its end


class _RecordedMessage(Struct, frozen=True):
    role: str
    content: str


class Recording(Struct, frozen=True):
    """What the replay needs of one recorded episode."""

    episode_id: str
    model: str
    task_type: TaskType
    prompt_type: str
    description: str
    prompt: str
    required_tools: tuple[str, ...]
    messages: tuple[_RecordedMessage, ...]

    @property
    def answers(self) -> tuple[str, ...]:
        """The model's messages, in order."""
        return tuple(m.content for m in self.messages if m.role == "assistant")


_decode = msgspec.json.Decoder(Recording).decode


def recordings(paths: Iterable[str | Path]) -> Iterator[Recording]:
    """Every recording in JSON Lines files, gzip or not. Raises ConfigError naming file and line."""
    for path in map(Path, paths):
        number = 0
        try:
            packed = path.read_bytes()
            text = gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed
            for line in text.splitlines():
                number += 1
                if line.strip():
                    yield _decode(line)
        except (OSError, EOFError, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            place = f"{path}:{number}" if number else str(path)
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"{place}: {reason}", hint="a recording is JSON Lines, one episode a line"
            ) from None


def replay_trial(recording: Recording) -> tuple[Trial, Task]:
    """A trial that the replay answers with this recording, and its task.

    The recording's tools worked on nothing: the task has a few records at the places that the
    recorded prompts name, no checks, and the required tools by name as its solution.
    """
    task = Task(
        task_id=f"recorded.{recording.episode_id}",
        task_type=recording.task_type,
        difficulty="unrecorded",
        description=f"{recording.description}\n[recording {recording.episode_id}]",
        required_tools=recording.required_tools,
        solution=tuple(map(Step, recording.required_tools)),
        checks=(),
        files={"data/input.json": _DATA},
        resources={"https://api.example.com/data": Resource(200, _DATA)},
    )
    trial = make_trial(
        suite="recorded",
        seed=0,
        model=recording.model,
        task_id=task.task_id,
        task_type=task.task_type,
        condition=Condition("baseline", "unrecorded", 1.0, max_turns=_MAX_TURNS),
    )
    return trial, task


class Replay:
    """Says again what was recorded, and nothing else."""

    def __init__(self, recorded: Iterable[Recording]) -> None:
        # Episode id → the model's messages, in order. Never changes.
        self._answers: dict[str, tuple[str, ...]] = {}
        # (model, recorded prompt) → episode id, the first one where several have the same.
        self._by_prompt: dict[tuple[str, str], str] = {}
        for recording in recorded:
            self._answers[recording.episode_id] = recording.answers
            key = recording.model, recording.prompt.strip()
            self._by_prompt.setdefault(key, recording.episode_id)

    def __call__(self, request: Request) -> Reply:
        """The n-th recorded answer, where n counts those in the conversation; then the end."""
        opening = opening_of(request.messages)
        mark = _MARK.search(opening)
        name = mark.group(1) if mark else self._by_prompt.get((request.model, opening.strip()), "")
        answers = self._answers.get(name, ())
        turn = sum(message.role == "assistant" for message in request.messages)
        text = answers[turn] if turn < len(answers) else f"{END_OF_RECORDING}\n<done/>"
        return Reply(text, finish_reason="stop")
