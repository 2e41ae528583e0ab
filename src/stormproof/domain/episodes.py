"""Episodes: the record of running a trial."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from stormproof.domain.calls import Answer, Message, Usage
from stormproof.domain.tasks import Execution
from stormproof.domain.trials import Trial

Outcome = Literal[
    "completed",  # scored
    "infrastructure",  # not scored, run again
    "blocked",  # a provider's filter ended it: final, in its own column, in no rate
]
FINAL: frozenset[Outcome] = frozenset({"completed", "blocked"})  # what is never run again
Source = Literal["run", "imported"]
Action = Literal["call", "search", "info", "done", "none"]
Ending = Literal[
    "done",  # the model said that it was done
    "max_turns",  # the turn budget was spent
    "failures",  # too many failed calls in a row
    "repetition",  # the same successful call five times in a row
    "context_window",  # the conversation no longer fits the model: final, scored as it stands
    "infrastructure",  # a model call gave no reply
    "suite",  # a tool, a goal check or a scorer raised: outcome infrastructure
    "blocked",  # outcome blocked
]


FAILURES_IN_A_ROW = 8
"""So many failed tool calls in a row, whatever made them fail, end an episode."""

REPEATED_SUCCESSES = 5
"""The same tool call so many times in a row, each a success, ends an episode."""


class Turn(Struct, frozen=True, gc=False):
    """One model call and what followed it. `observation` is what the model was shown next.

    `action` is what was recognised. `format_repairs` counts calls whose recognition needed
    repair; `format_error` is true when a message held no recognisable action though one was due;
    `unread` counts what looked like a tool call and could not be read.
    """

    index: int
    answer: Answer
    action: Action
    executions: tuple[Execution, ...] = ()
    observation: tuple[Message, ...] = ()
    query: str = ""
    format_repairs: int = 0
    format_error: bool = False
    unread: int = 0


class Score(Struct, frozen=True):
    """What `score` says of a completed episode. Every field is defined in `score`."""

    success: Literal["full", "partial", "failed"]
    goal_met: bool
    tool_coverage: float
    order: float
    execution_success: float | None
    recovery: float | None
    redundant_calls: int
    error_category: str = ""
    progress: float = 0.0
    collateral: int = 0
    flaw_noticed: bool | None = None
    flaw_recovered: bool | None = None
    flaw_followed: float | None = None


class Episode(Struct, frozen=True):
    """A trial and what came of it. `score` is None exactly where it is not completed.

    `ceiling` is the best success probability that any agent could reach in this task, rate and
    budget. `simulated` is true where the emulator answered. `error` says what broke, where.
    `recorded` holds the original outcome of an imported episode.
    """

    trial: Trial
    outcome: Outcome
    ending: Ending
    turns: tuple[Turn, ...]
    score: Score | None = None
    ceiling: float | None = None
    simulated: bool = False
    source: Source = "run"
    error: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    recorded: dict[str, Any] | None = None

    @property
    def usage(self) -> Usage:
        """Tokens over all turns."""
        return sum((turn.answer.reply.usage for turn in self.turns), Usage())

    @property
    def executions(self) -> tuple[Execution, ...]:
        """All tool executions in order."""
        return tuple(e for turn in self.turns for e in turn.executions)
