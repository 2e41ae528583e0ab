"""What one episode can say of its model, and what keeps it from saying it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from stormproof.audit import rules
from stormproof.domain.episodes import Episode, Source, Turn
from stormproof.domain.trials import digest
from stormproof.episode import Vocabulary, catalogue_vocabulary, recognise


class Standing(Struct, frozen=True):
    """One episode, reduced to what an audit counts.

    `calls_seen` are turns in which a careful reader sees a call, `calls_lost` those of them that
    executed none; `lost_first` is true where the first such turn is lost: what follows is the
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


SHARES = ("tool_coverage", "order", "execution_success", "recovery")
CELL = ("prompt_type", "task_type", "difficulty", "tool_success_rate", "protocol")


def standing_of(episode: Episode) -> Standing:
    """Read every turn again and compare what is asked for with what was executed."""
    vocabulary = _vocabulary(episode.source)
    reads = [(turn, _asks(turn, vocabulary)) for turn in episode.turns]
    seen = [turn for turn, asks in reads if asks]
    lost = [turn for turn in seen if not turn.executions]
    return Standing(
        trial_id=episode.trial.trial_id,
        model=episode.trial.model,
        task_id=episode.trial.task_id,
        cell=_cell(episode),
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


def standings_of_rows(
    rows: Iterable[Mapping[str, Any]], seen: Mapping[str, int]
) -> Iterator[Standing]:
    """Our own episodes from the store's table; `seen` are their turns with a call, by trial.

    The loop that ran them executed every call that it recognised, so none of theirs is lost; only
    `standing_of` reads what was said again.
    """
    for row in rows:
        rate = row["tool_success_rate"]
        cell = {name: str(row[name]) for name in CELL}
        cell["tool_success_rate"] = f"{rate:g}" if rate >= 0 else "unrecorded"
        scored = row["outcome"] == "completed"
        yield Standing(
            trial_id=row["trial_id"],
            model=row["model"],
            task_id=row["task_id"],
            cell=cell,
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
    if list(stored.get("tool_calls", succeeded)) != succeeded or rules.disagreements(episode):
        found.append("parts")
    if stored.get("success"):
        if episode.outcome == "infrastructure":
            found.append("success_after_failure")
        if not set(stored["required_tools"]) <= set(succeeded):
            found.append("success_unearned")
    elif episode.outcome == "infrastructure":
        found.append("failure_not_the_models")
    return found


def _asks(turn: Turn, vocabulary: Vocabulary) -> bool:
    """Whether a reader sees a call of a tool that exists; a call that was executed is seen."""
    if turn.executions or turn.answer.reply.tool_calls:
        return True
    return any(call.name for call in recognise(turn.answer.reply.text, vocabulary).tool_calls)


@functools.cache
def _vocabulary(source: Source) -> Vocabulary:
    if source == "imported":
        return Vocabulary({name: {} for name in rules.REGISTRY})
    return catalogue_vocabulary()


def _cell(episode: Episode) -> dict[str, str]:
    condition = episode.trial.condition
    rate = condition.tool_success_rate
    return {
        "prompt_type": condition.prompt_type,
        "task_type": episode.trial.task_type,
        "difficulty": condition.difficulty,
        "tool_success_rate": f"{rate:g}" if rate >= 0 else "unrecorded",
        "protocol": condition.protocol,
    }


def _recorded(episode: Episode) -> bool | None:
    return None if episode.recorded is None else bool(episode.recorded.get("success"))


def _transcript(episode: Episode) -> str:
    said = [turn.answer.reply.text for turn in episode.turns]
    prompt = (episode.recorded or {}).get("prompt", "")
    return (
        digest(episode.trial.model, prompt, said) if episode.source == "imported" and said else ""
    )
