"""Episodes and turns as flat rows: the columns of sealed Parquet files and of all tables."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from stormproof.store.records import EpisodeRecord, TurnRecord

_TEXT, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_EPISODE: list[tuple[str, pa.DataType]] = [
    ("trial_id", _TEXT),
    ("model", _TEXT),
    ("task_id", _TEXT),
    ("task_type", _TEXT),
    ("replicate", _INT),
    ("weather_seed", _INT),
    ("sampling_seed", _INT),
    ("prompt_type", _TEXT),
    ("difficulty", _TEXT),
    ("tool_success_rate", _FLOAT),
    ("protocol", _TEXT),
    ("severity", _TEXT),
    ("weather", _TEXT),
    ("max_turns", _INT),
    ("outcome", _TEXT),
    ("ending", _TEXT),
    ("success", _TEXT),
    ("goal_met", _BOOL),
    ("tool_coverage", _FLOAT),
    ("order", _FLOAT),
    ("execution_success", _FLOAT),
    ("recovery", _FLOAT),
    ("redundant_calls", _INT),
    ("error_category", _TEXT),
    ("ceiling", _FLOAT),
    ("turns", _INT),
    ("calls", _INT),
    ("failed_calls", _INT),
    ("prompt_tokens", _INT),
    ("completion_tokens", _INT),
    ("format_repairs", _INT),
    ("format_errors", _INT),
    ("attempts", _INT),
    ("endpoints", pa.list_(_TEXT)),
    ("started_at", _FLOAT),
    ("ended_at", _FLOAT),
    ("simulated", _BOOL),
    ("source", _TEXT),
    ("error", _TEXT),
]
_TURN: list[tuple[str, pa.DataType]] = [
    ("trial_id", _TEXT),
    ("index", _INT),
    ("action", _TEXT),
    ("calls", _INT),
    ("failed_calls", _INT),
    ("format_repairs", _INT),
    ("format_error", _BOOL),
    ("finish_reason", _TEXT),
    ("prompt_tokens", _INT),
    ("completion_tokens", _INT),
    ("endpoint_id", _TEXT),
    ("served_model", _TEXT),
    ("attempts", _INT),
    ("queued_ms", _FLOAT),
    ("latency_ms", _FLOAT),
    ("hedged", _BOOL),
    ("at", _FLOAT),
]
EPISODE_COLUMNS, TURN_COLUMNS = pa.schema(_EPISODE), pa.schema(_TURN)
RECORD = pa.field("record", pa.large_string())  # the JSON record, whole: nothing is lost in rows


def episode_row(record: EpisodeRecord) -> dict[str, Any]:
    """One episode as a row of EPISODE_COLUMNS."""
    episode, trial = record.episode, record.episode.trial
    row = {name: getattr(episode, name) for name in _OF_EPISODE}
    row |= {name: getattr(trial, name) for name in _OF_TRIAL}
    row |= {name: getattr(trial.condition, name) for name in _OF_CONDITION}
    row |= {name: getattr(episode.score, name, None) for name in _OF_SCORE}
    row |= {name: getattr(record.totals, name) for name in record.totals.__struct_fields__}
    return row


def turn_row(record: TurnRecord) -> dict[str, Any]:
    """One turn as a row of TURN_COLUMNS."""
    turn, answer, reply = record.turn, record.turn.answer, record.turn.answer.reply
    return {
        "trial_id": record.trial_id,
        "calls": len(turn.executions),
        "failed_calls": sum(not execution.ok for execution in turn.executions),
        "prompt_tokens": reply.usage.prompt_tokens,
        "completion_tokens": reply.usage.completion_tokens,
        "finish_reason": reply.finish_reason,
        "served_model": reply.served_model,
        "index": turn.index,
        "action": turn.action,
        "format_repairs": turn.format_repairs,
        "format_error": turn.format_error,
        "endpoint_id": answer.endpoint_id,
        "attempts": answer.attempts,
        "queued_ms": answer.queued_ms,
        "latency_ms": answer.latency_ms,
        "hedged": answer.hedged,
        "at": answer.at,
    }


_OF_EPISODE = (
    "outcome", "ending", "ceiling", "started_at", "ended_at", "simulated", "source", "error",
)  # fmt: skip
_OF_TRIAL = (
    "trial_id", "model", "task_id", "task_type", "replicate", "weather_seed", "sampling_seed",
)  # fmt: skip
_OF_CONDITION = (
    "prompt_type", "difficulty", "tool_success_rate", "protocol", "severity", "weather",
    "max_turns",
)  # fmt: skip
_OF_SCORE = (
    "success", "goal_met", "tool_coverage", "order", "execution_success", "recovery",
    "redundant_calls", "error_category",
)  # fmt: skip
