"""Recorded episodes into a results folder, as episodes with `source = imported`.

Every recording becomes one episode with the same turns. What the old harness stored stands in
`Episode.recorded`, beside our own outcome: an episode that an API failure ended is
`infrastructure` here and has no score, whatever it was counted as.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec.structs import replace

from stormproof.audit import rules
from stormproof.audit.recorded import RecordedEpisode, RecordedExecution, RecordedMessage
from stormproof.domain.calls import Answer, Message, Reply
from stormproof.domain.conditions import UNRECORDED_RATE, Condition
from stormproof.domain.episodes import Action, Ending, Episode, Score, Turn
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial, digest

_RESULT = re.compile(r"^[✅❌] \w+ (?:executed successfully\.|failed\.$)", re.MULTILINE)
_ACTIONS: dict[str, Action] = {"search": "search", "tool_info": "info"}
_ENDINGS: dict[rules.RecordedEnd, Ending] = {
    "done": "done",
    "failures": "failures",
    "successes": "max_turns",
    "repetition": "repetition",
    "api_failure": "infrastructure",
    "max_turns": "max_turns",
}


def trial_of(found: RecordedEpisode) -> Trial:
    """Identity by content: the same line again is the same trial. Seeds were not recorded."""
    condition = Condition(
        prompt_type=found.prompt_type,
        difficulty="unrecorded",
        tool_success_rate=UNRECORDED_RATE,
        max_turns=rules.MAX_TURNS,
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
        recorded=_stored(found),
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
        order=rules.common_subsequence(succeeded, required) / len(required) if required else 0.0,
        execution_success=share,
        recovery=None,
        redundant_calls=len(succeeded) - len(set(succeeded)),
        error_category="" if full else _category(found),
    )


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


def _stored(found: RecordedEpisode) -> dict[str, Any]:
    return {
        **found.recorded,
        "episode_id": found.episode_id,
        "description": found.description,
        "required_tools": list(found.required_tools),
        "plan": list(rules.plan_of(found.prompt)),
        "prompt": found.prompt,
        "executions": [
            {"tool": e.tool, "success": e.success, "error": e.error} for e in found.executions
        ],
        "api_issues": [{"turn": i.turn, "issue": i.issue} for i in found.api_issues],
        "helped_turns": sorted({m.turn for m in found.messages if m.no_action or m.format_issue}),
    }


def _with_ending(episode: Episode) -> Episode:
    return replace(episode, ending=_ENDINGS[rules.replay(episode).end])
