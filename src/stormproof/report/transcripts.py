"""Episodes as people read them, turn by turn: what was said, recognised, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct

from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.tasks import Execution
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import visible

SAMPLE = 60
_HEAD = 4_000
_TAIL = 1_000
_LONGEST_ARGUMENTS = 600


class ShownToolCall(Struct, frozen=True):
    """One executed tool call in words. `ok` picks its mark."""

    tool_call: str
    ok: bool
    came: str


class ShownTurn(Struct, frozen=True):
    """One turn, ready to show: every text is cut and holds no character that steers."""

    number: int
    said: str
    reasoning: str
    action: str
    marks: tuple[str, ...]
    tool_calls: tuple[ShownToolCall, ...]
    shown: str
    served: str


class Transcript(Struct, frozen=True):
    """One episode, ready to show. `kind` is full, partial, failed or infrastructure."""

    trial_id: str
    model: str
    task: str
    prompt: str
    setting: str
    kind: str
    ending: str
    error: str
    simulated: bool
    recorded: str
    turns: tuple[ShownTurn, ...]


def sample_ids(episodes: EpisodeRows, most: int = SAMPLE) -> list[str]:
    """Trials to show: in turn from each model and outcome, by trial id, which is a hash."""
    ids = np.asarray(episodes.labels("trial_id"), object)[episodes.codes("trial_id")]
    kinds = episodes.codes("success") * len(episodes.labels("outcome")) + episodes.codes("outcome")
    strata = episodes.codes("model") * (int(kinds.max(initial=0)) + 1) + kinds
    queues = [sorted(ids[strata == stratum]) for stratum in np.unique(strata)]
    chosen: list[str] = []
    for rank in range(max((len(queue) for queue in queues), default=0)):
        chosen += [queue[rank] for queue in queues if rank < len(queue)]
        if len(chosen) >= most:
            break
    return chosen[:most]


def failed_ids(episodes: EpisodeRows) -> list[str]:
    """Every trial that was scored and did not fully succeed, in the table's order."""
    short = ~episodes.is_value("outcome", "infrastructure") & ~episodes.is_value("success", "full")
    labels = episodes.labels("trial_id")
    return [labels[code] for code in episodes.codes("trial_id")[short]]


def transcripts(episodes: Iterable[Episode]) -> list[Transcript]:
    """Episodes ready to show, by model, then outcome, then task."""
    found = [transcript(episode) for episode in episodes]
    return sorted(found, key=lambda t: (t.model, t.kind, t.task, t.trial_id))


def transcript(episode: Episode) -> Transcript:
    """One episode ready to show."""
    trial, condition = episode.trial, episode.trial.condition
    rate = condition.tool_success_rate
    rated = f"tools succeed at {rate:g}" if rate >= 0 else "tool success rate not recorded"
    parts = (condition.difficulty, rated, condition.protocol, f"replicate {trial.replicate}")
    return Transcript(
        trial_id=visible(trial.trial_id),
        model=visible(trial.model),
        task=visible(trial.task_id),
        prompt=visible(condition.prompt_type),
        setting=visible(" · ".join(parts)),
        kind=episode.score.success if episode.score else "infrastructure",
        ending=episode.ending,
        error=cut(episode.error),
        simulated=episode.simulated,
        recorded=_recorded(episode),
        turns=tuple(_shown_turn(turn, episode) for turn in episode.turns),
    )


def cut(text: str) -> str:
    """The head and the tail of a long text, with what is left out counted, made harmless."""
    if len(text) > _HEAD + _TAIL:
        left_out = len(text) - _HEAD - _TAIL
        text = f"{text[:_HEAD]}\n[… {left_out:,} characters left out …]\n{text[-_TAIL:]}"
    return visible(text)


def _shown_turn(turn: Turn, episode: Episode) -> ShownTurn:
    reply, imported = turn.answer.reply, episode.source == "imported"
    calls = "".join(f"\n→ {c.name}({c.arguments})" for c in reply.tool_calls)
    return ShownTurn(
        number=turn.index + 1,
        said=cut(reply.text + calls),
        reasoning=cut(reply.reasoning),
        action=_action(turn),
        marks=tuple(_marks(turn)),
        tool_calls=tuple(_shown_tool_call(e, recorded=imported) for e in turn.executions),
        shown=cut("\n\n".join(message.content for message in turn.observation)),
        served=_served(turn),
    )


def _action(turn: Turn) -> str:
    words = {"call": "a tool call", "info": "a question about a tool", "done": "the task is done"}
    if turn.action == "search":
        return f"a search: {cut(turn.query)}" if turn.query else "a search"
    return words.get(turn.action, "nothing to act on")


def _marks(turn: Turn) -> Sequence[str]:
    marks = []
    if turn.format_repairs:
        marks.append(f"{turn.format_repairs} repaired")
    if turn.format_error:
        marks.append("format error")
    if turn.answer.attempts > 1:
        marks.append(f"{turn.answer.attempts} sends")
    if turn.answer.hedged:
        marks.append("hedged")
    return marks


def _shown_tool_call(execution: Execution, *, recorded: bool) -> ShownToolCall:
    arguments = json.dumps(execution.arguments, ensure_ascii=False, default=str)
    if len(arguments) > _LONGEST_ARGUMENTS:
        arguments = arguments[:_LONGEST_ARGUMENTS] + " …"
    tool_call = execution.tool if recorded else f"{execution.tool} {arguments}"
    return ShownToolCall(visible(tool_call), execution.ok, cut(_came(execution, recorded=recorded)))


def _came(execution: Execution, *, recorded: bool) -> str:
    if execution.ok:
        return "succeeded" if recorded else f"succeeded{_weather(execution)}"
    error = " ".join(part for part in (execution.error_code, execution.message) if part)
    if recorded:
        return f"failed: {error}"
    if execution.cause == "weather":
        done = "; its work was done all the same" if execution.took_effect else ""
        return f"failed by the weather{_weather(execution)}{done}: {error}"
    whose = "its arguments" if execution.cause == "arguments" else "its own work"
    return f"failed by {whose}: {error}"


def _weather(execution: Execution) -> str:
    sign = ">" if execution.draw > execution.probability else "≤"
    return f" (drew {execution.draw:.2f} {sign} {execution.probability:.2f})"


def _served(turn: Turn) -> str:
    usage, latency = turn.answer.reply.usage, turn.answer.latency_ms
    parts = [turn.answer.endpoint_id]
    if usage.prompt_tokens or usage.completion_tokens:
        parts.append(f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens")
    if latency:
        parts.append(f"{latency:,.0f} ms")
    return visible(" · ".join(parts))


def _recorded(episode: Episode) -> str:
    """What the old harness stored of it, beside our own outcome."""
    if episode.recorded is None:
        return ""
    stored = "success" if episode.recorded.get("success") else "failure"
    error = episode.recorded.get("error")
    return cut(f"recorded as a {stored}" + (f": {error}" if error else ""))
