"""What one episode can say of its model, and what keeps it from saying it."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from stormproof.audit import old_harness
from stormproof.audit.loose_reader import LooseReader
from stormproof.audit.served_names import Served
from stormproof.audit.turn_signs import TurnSigns, added_up, signs_of
from stormproof.domain.conditions import Condition, TaskType
from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import digest
from stormproof.store import EPISODE_COLUMNS, SCORE_COLUMNS
from stormproof.suites.workflows import WORKFLOWS

# The measures of a score that are shares, so lie in [0, 1].
SHARES: Final = tuple(name for name in SCORE_COLUMNS if EPISODE_COLUMNS[name] is float)
OWN_TOOLS: Final = frozenset(WORKFLOWS.tools)
_RECORDED_TOOLS: Final = frozenset(old_harness.REGISTRY)
# What tells cells apart: a task's type, and these fields of its condition.
AXES: Final = ("prompt_type", "task_type", "difficulty", "tool_success_rate", "protocol")


class Evidence(Struct, frozen=True, kw_only=True):
    """One episode, reduced to what an audit counts.

    `signs` sum up its `turns`. `lost_first` is true where the first turn that asks for a tool got
    nothing carried out: what follows is the model's answer to the harness and not to the task, so
    the episode says nothing of the model. `behind_done` is true where a call stands in the message
    that was taken as done. `served` counts replies by endpoint and by the model that they name.
    `reason` is why infrastructure ended it, else "".
    `recorded` is success as it was stored, None in our own results; `full` is success by our
    rules, None where nothing was scored. `transcript` is a digest of all that was said, empty
    where nothing was. `contradictions` are kinds of `findings.KINDS`.
    """

    trial_id: str
    model: str
    task_id: str
    cell: dict[str, str]
    infrastructure: bool
    lost_first: bool
    turns: int
    signs: TurnSigns
    format_errors: int
    recorded: bool | None
    full: bool | None
    suite: bool = False
    blocked: bool = False
    behind_done: bool = False
    context_window: bool = False
    served: tuple[tuple[Served, int], ...] = ()
    reason: str = ""
    transcript: str = ""
    contradictions: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Success as whoever stored it would count it."""
        return bool(self.full) if self.recorded is None else self.recorded

    @property
    def unknown(self) -> bool:
        """Whether the episode says nothing of the model."""
        return self.infrastructure or self.blocked or self.lost_first


def evidence_of(episode: Episode, tools: frozenset[str] = OWN_TOOLS) -> Evidence:
    """Read every turn again and compare what is asked for with what was carried out.

    `tools` are the names of its suite's, where it is not a recording of another harness.
    """
    trial, signs = episode.trial, _signs(episode, tools)
    lost = episode.outcome == "infrastructure"
    first = next((each for each in signs if each.calls_seen), TurnSigns())
    done = signs[-1] if signs and episode.ending == "done" else TurnSigns()
    return Evidence(
        trial_id=trial.trial_id,
        model=sys.intern(trial.model),
        task_id=sys.intern(trial.task_id),
        cell=_cell(trial.condition, trial.task_type),
        infrastructure=lost,
        suite=episode.ending == "suite",
        blocked=episode.outcome == "blocked",
        lost_first=first.nothing_carried_out,
        behind_done=bool(done.not_executed),
        context_window=episode.ending == "context_window",
        turns=len(signs),
        signs=added_up(signs),
        served=_served(episode.turns),
        reason=sys.intern(episode.error) if lost else "",
        format_errors=sum(turn.format_error for turn in episode.turns),
        recorded=_recorded(episode),
        full=None if episode.score is None else episode.score.success == "full",
        transcript=_transcript(episode),
        contradictions=tuple(contradictions(episode)),
    )


def _signs(episode: Episode, tools: frozenset[str]) -> list[TurnSigns]:
    """The signs of each turn, in order."""
    own = episode.source == "run"
    reader, succeeded = _reader(tools if own else _RECORDED_TOOLS), set[str]()
    last = len(episode.turns) - 1
    signs = []
    for number, turn in enumerate(episode.turns):
        reported = succeeded if number == last and episode.ending == "done" else None
        signs.append(signs_of(turn, reader, reported, own=own, goes_on=number < last))
        succeeded.update(execution.tool for execution in turn.executions if execution.ok)
    return signs


def _served(turns: Sequence[Turn]) -> tuple[tuple[Served, int], ...]:
    answers = (turn.answer for turn in turns)
    named = ((a.endpoint_id, a.reply.served_model) for a in answers if a.reply.served_model)
    return _shared(tuple(sorted(Counter(named).items())))


@functools.lru_cache(10_000)
def _shared(served: tuple[tuple[Served, int], ...]) -> tuple[tuple[Served, int], ...]:
    """The same for equal ones: most episodes were served alike."""
    return served


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


@functools.cache
def _reader(tools: frozenset[str]) -> LooseReader:
    return LooseReader(tools)


@functools.lru_cache(10_000)
def _cell(condition: Condition, task_type: TaskType) -> dict[str, str]:
    """A condition in words. All episodes of a cell share it, so it is never changed."""
    fields_of = asdict(condition) | {"task_type": task_type}
    rate = condition.tool_success_rate
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
