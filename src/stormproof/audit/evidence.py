"""What one episode can say of its model, and what keeps it from saying it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from stormproof.audit import old_harness
from stormproof.domain.episodes import Episode, Source, Turn
from stormproof.domain.trials import digest
from stormproof.episode import Vocabulary, catalogue_vocabulary, recognise
from stormproof.store import EPISODE_COLUMNS, SCORE_COLUMNS

# The measures of a score that are shares, so lie in [0, 1].
SHARES: Final = tuple(name for name in SCORE_COLUMNS if EPISODE_COLUMNS[name] is float)
# What tells cells apart: a task's type, and these fields of its condition.
AXES: Final = ("prompt_type", "task_type", "difficulty", "tool_success_rate", "protocol")
# What `evidence_of_rows` reads of the episode table.
ROW_COLUMNS: Final = (
    "trial_id", "model", "task_id", *AXES, *SHARES, "outcome", "success", "format_errors",
)  # fmt: skip


class Evidence(Struct, frozen=True):
    """One episode, reduced to what an audit counts.

    `calls_seen` are turns in which a careful reader sees a tool call, `calls_lost` those of them
    that executed none; `lost_first` is true where the first such turn is lost: what follows is the
    model's answer to the harness and not to the task, so the episode says nothing of the model.
    `recorded` is success as it was stored, None in our own results; `full` is success by our
    rules, None where nothing was scored. `transcript` is a digest of all that was said, empty
    where nothing was. `contradictions` are kinds of `findings.KINDS`.
    """

    trial_id: str
    model: str
    task_id: str
    cell: dict[str, str]
    infrastructure: bool
    calls_seen: int
    calls_lost: int
    lost_first: bool
    format_errors: int
    recorded: bool | None
    full: bool | None
    transcript: str = ""
    contradictions: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Success as whoever stored it would count it."""
        return bool(self.full) if self.recorded is None else self.recorded

    @property
    def unknown(self) -> bool:
        """Whether the episode says nothing of the model."""
        return self.infrastructure or self.lost_first


def evidence_of(episode: Episode) -> Evidence:
    """Read every turn again and compare what is asked for with what was executed."""
    trial, vocabulary = episode.trial, _vocabulary(episode.source)
    reads = [(turn, _asks_for_a_tool(turn, vocabulary)) for turn in episode.turns]
    seen = [turn for turn, asks in reads if asks]
    lost = [turn for turn in seen if not turn.executions]
    return Evidence(
        trial_id=trial.trial_id,
        model=trial.model,
        task_id=trial.task_id,
        cell=_cell(asdict(trial.condition) | {"task_type": trial.task_type}),
        infrastructure=episode.outcome == "infrastructure",
        calls_seen=len(seen),
        calls_lost=len(lost),
        lost_first=bool(seen) and not seen[0].executions,
        format_errors=sum(turn.format_error for turn in episode.turns),
        recorded=_recorded(episode),
        full=None if episode.score is None else episode.score.success == "full",
        transcript=_transcript(episode),
        contradictions=tuple(contradictions(episode)),
    )


def evidence_of_rows(
    rows: Iterable[Mapping[str, Any]], seen: Mapping[str, int]
) -> Iterator[Evidence]:
    """Our own episodes from the store's table; `seen` are their turns with a tool call.

    The loop that ran them executed every tool call that it recognised, so none of theirs is lost;
    only `evidence_of` reads what was said again.
    """
    for row in rows:
        scored = row["outcome"] == "completed"
        yield Evidence(
            trial_id=row["trial_id"],
            model=row["model"],
            task_id=row["task_id"],
            cell=_cell(row),
            infrastructure=not scored,
            calls_seen=seen.get(row["trial_id"], 0),
            calls_lost=0,
            lost_first=False,
            format_errors=row["format_errors"],
            recorded=None,
            full=row["success"] == "full" if scored else None,
            contradictions=tuple(_contradictions_of(row, scored=scored)),
        )


def _contradictions_of(row: Mapping[str, Any], *, scored: bool) -> Iterator[str]:
    if scored != (row["success"] is not None):
        yield "parts"
    if _beyond(*(row[name] for name in SHARES)):
        yield "above_one"


def _beyond(*shares: Any) -> bool:
    return any(isinstance(x, int | float) and not 0 <= x <= 1 for x in shares)


def contradictions(episode: Episode) -> list[str]:
    """Kinds of findings that this episode's own record gives, by what is stored in it."""
    found = []
    if (episode.outcome == "completed") != (episode.score is not None):
        found.append("parts")
    if episode.score is not None and _beyond(*(getattr(episode.score, n) for n in SHARES)):
        found.append("above_one")
    if episode.recorded is not None:
        found += _stored_contradictions(episode, episode.recorded)
    return found


def _stored_contradictions(episode: Episode, stored: dict[str, Any]) -> list[str]:
    found = []
    scores = [stored.get(f"{name}_score") for name in ("workflow", "phase2", "final")]
    if _beyond(*scores):
        found.append("above_one")
    succeeded = [e["tool"] for e in stored["executions"] if e["success"]]
    if list(stored.get("tool_calls", succeeded)) != succeeded or old_harness.disagreements(episode):
        found.append("parts")
    if stored.get("success"):
        if episode.outcome == "infrastructure":
            found.append("success_after_failure")
        if not set(stored["required_tools"]) <= set(succeeded):
            found.append("success_unearned")
    elif episode.outcome == "infrastructure":
        found.append("failure_not_the_models")
    return found


def _asks_for_a_tool(turn: Turn, vocabulary: Vocabulary) -> bool:
    """Whether a reader sees a call of a tool that exists; one that was executed is seen."""
    if turn.executions or turn.answer.reply.tool_calls:
        return True
    return any(call.name for call in recognise(turn.answer.reply.text, vocabulary).tool_calls)


@functools.cache
def _vocabulary(source: Source) -> Vocabulary:
    if source == "imported":
        return Vocabulary({name: {} for name in old_harness.REGISTRY})
    return catalogue_vocabulary()


def _cell(fields_of: Mapping[str, Any]) -> dict[str, str]:
    rate = fields_of["tool_success_rate"]
    words = {name: str(fields_of[name]) for name in AXES}
    return words | {"tool_success_rate": f"{rate:g}" if rate >= 0 else "unrecorded"}


def _recorded(episode: Episode) -> bool | None:
    return None if episode.recorded is None else bool(episode.recorded.get("success"))


def _transcript(episode: Episode) -> str:
    said = [turn.answer.reply.text for turn in episode.turns]
    prompt = (episode.recorded or {}).get("prompt", "")
    return (
        digest(episode.trial.model, prompt, said) if episode.source == "imported" and said else ""
    )
