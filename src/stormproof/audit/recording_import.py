"""Recorded episodes into a results folder, as episodes with `source = imported`.

The same file twice adds nothing; bad lines are reported. Every recording becomes one episode with
the same turns. What the old harness stored stands in `Episode.recorded`, beside our own outcome:
an episode that an API failure ended is `infrastructure` here and has no score, whatever it was
counted as.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import time
from typing import Any, Final

import anyio
from msgspec import Struct
from msgspec.structs import replace

from stormproof import __version__
from stormproof.audit.old_harness import MAX_TURNS, RecordedEnd, common_subsequence, plan_of, rerun
from stormproof.audit.recording_format import (
    BadLine,
    RecordedEpisode,
    RecordedExecution,
    RecordedMessage,
    files_of,
    read,
)
from stormproof.domain.calls import Answer, Message, Reply
from stormproof.domain.conditions import UNRECORDED_RATE, Condition
from stormproof.domain.episodes import Action, Ending, Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial, digest
from stormproof.store import Header, Store, episode_table, open_store

_RESULT = re.compile(r"^[✅❌] \w+ (?:executed successfully\.|failed\.$)", re.MULTILINE)
_ACTIONS: dict[str, Action] = {"search": "search", "tool_info": "info"}
_ENDINGS: dict[RecordedEnd, Ending] = {
    "done": "done",
    "failures": "failures",
    "successes": "max_turns",
    "repetition": "repetition",
    "api_failure": "infrastructure",
    "max_turns": "max_turns",
}
IMPORTED_SUITE: Final = "imported"
_AT_ONCE = 200  # episodes under way: each waits for its own fsync, which many share


class Imported(Struct, frozen=True):
    """What an import did. `known` counts lines whose episode was there already."""

    added: int
    known: int
    bad_lines: tuple[BadLine, ...]


def import_files(paths: Iterable[Path], folder: Path) -> Imported:
    """Take recordings (JSON Lines, gzip or not, or folders of them) into a results folder.

    A line that cannot be read is reported, and the rest goes on. Raises ConfigError where a path
    names no recording, PlanMismatch where the folder holds results of a run, StoreError where it
    cannot be written.
    """
    return anyio.run(_import, files_of(paths), folder)


async def _import(files: Sequence[Path], folder: Path) -> Imported:
    header = Header(suite=IMPORTED_SUITE, seed=0, created_at=time(), stormproof=__version__)
    async with open_store(folder, header) as store:
        seen = _known_ids(folder)
        added = known = 0
        bad: list[BadLine] = []
        batch: list[Episode] = []
        for line in (line for file in files for line in read(file)):
            if isinstance(line, BadLine):
                bad.append(line)
                continue
            episode = episode_of(line)
            if episode.trial.trial_id in seen:
                known += 1
                continue
            seen.add(episode.trial.trial_id)
            batch.append(episode)
            added += 1
            if len(batch) == _AT_ONCE:
                await _keep(store, batch)
                batch.clear()
        await _keep(store, batch)
    return Imported(added, known, tuple(bad))


def _known_ids(folder: Path) -> set[str]:
    return {str(trial_id) for trial_id in episode_table(folder)["trial_id"].to_pylist()}


async def _keep(store: Store, batch: Sequence[Episode]) -> None:
    async with anyio.create_task_group() as tasks:
        for episode in batch:
            tasks.start_soon(store.episode, episode)


def trial_of(found: RecordedEpisode) -> Trial:
    """Identity by content: the same line again is the same trial. Seeds were not recorded."""
    condition = Condition(
        prompt_type=found.prompt_type,
        difficulty="unrecorded",
        tool_success_rate=UNRECORDED_RATE,
        max_turns=MAX_TURNS,
    )
    return Trial(
        trial_id=digest("imported", found),
        model=found.model,
        task_id=found.task_id,
        task_type=found.task_type,
        condition=condition,
        replicate=0,
        weather_seed=0,
        sampling_seed=0,
    )


def episode_of(found: RecordedEpisode) -> Episode:
    """The recording as an Episode, with our outcome, and the old one under `recorded`."""
    failed = bool(found.api_issues)
    bare = Episode(
        trial=trial_of(found),
        outcome="infrastructure" if failed else "completed",
        ending="max_turns",
        turns=tuple(_turns(found)),
        score=None if failed else score_of(found),
        source="imported",
        error="; ".join(f"turn {i.turn}: {i.issue}" for i in found.api_issues),
        ended_at=float(found.recorded.get("execution_time_s") or 0.0),
        recorded=_as_stored(found),
    )
    return _with_ending(bare)


def score_of(found: RecordedEpisode) -> Score:
    """What the recorded executions say: full when every required tool succeeded, else partial.

    Partial needs half of the tools. There was no world, so the goal counts as met exactly when
    all tools succeeded.
    """
    succeeded = [e.tool for e in found.executions if e.success]
    required = found.required_tools
    coverage = len(set(succeeded) & set(required)) / len(set(required)) if required else 0.0
    share = len(succeeded) / len(found.executions) if found.executions else None
    full, partial = coverage == 1.0, coverage >= 0.5  # noqa: PLR2004  half of the tools
    return Score(
        success="full" if full else "partial" if partial else "failed",
        goal_met=full,
        tool_coverage=coverage,
        order=common_subsequence(succeeded, required) / len(required) if required else 0.0,
        execution_success=share,
        recovery=None,
        redundant_calls=len(succeeded) - len(set(succeeded)),
        error_category="" if full else _category(found),
    )


def _order(succeeded: Sequence[str], required: Sequence[str]) -> float:
    return common_subsequence(succeeded, required) / len(required) if required else 0.0


def _category(found: RecordedEpisode) -> str:
    if not found.executions:
        return "no_call_executed"
    return "incomplete"


def _turns(found: RecordedEpisode) -> Iterator[Turn]:
    """A turn for each assistant message, the old harness's repeats of it left out."""
    results = iter(found.executions)
    for number, said, shown in _by_turn(found.messages):
        observed = "\n".join(m.content for m in shown)
        helped = any(m.no_action or m.format_issue for m in said)
        executed = tuple(_execution(e) for e in islice(results, len(_RESULT.findall(observed))))
        action = _ACTIONS.get(said[0].action) or ("call" if executed else "none")
        yield Turn(
            index=number - 1,
            answer=Answer(Reply(said[0].content), endpoint_id="recorded"),
            action=action,
            executions=executed,
            observation=tuple(Message("user", m.content) for m in shown),
            format_error=helped,
        )


def _by_turn(
    messages: Sequence[RecordedMessage],
) -> Iterator[tuple[int, list[RecordedMessage], list[RecordedMessage]]]:
    for number in sorted({m.turn for m in messages}):
        here = [m for m in messages if m.turn == number]
        said = [m for m in here if m.role == "assistant"]
        if said:
            yield number, said, [m for m in here if m.role != "assistant"]


def _execution(found: RecordedExecution) -> Execution:
    code, _, message = (found.error or "").partition(":")
    return Execution(
        tool=found.tool,
        arguments={},
        ok=found.success,
        cause="" if found.success else "weather",
        error_code=None if found.success else code.strip(),
        message=message.strip(),
        took_effect=found.success,
    )


def _as_stored(found: RecordedEpisode) -> dict[str, Any]:
    return {
        **found.recorded,
        "episode_id": found.episode_id,
        "description": found.description,
        "required_tools": list(found.required_tools),
        "plan": list(plan_of(found.prompt)),
        "prompt": found.prompt,
        "executions": [
            {"tool": e.tool, "success": e.success, "error": e.error} for e in found.executions
        ],
        "api_issues": [{"turn": i.turn, "issue": i.issue} for i in found.api_issues],
        "helped_turns": sorted({m.turn for m in found.messages if m.no_action or m.format_issue}),
    }


def _with_ending(episode: Episode) -> Episode:
    return replace(episode, ending=_ENDINGS[rerun(episode).end])
