"""How an episode ends: by its model, by the other side, or by the suite; and what that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.domain.episodes import (
    FAILURES_IN_A_ROW,
    REPEATED_SUCCESSES,
    Action,
    Ending,
    Outcome,
)
from stormproof.domain.tasks import Execution
from stormproof.errors import CallError, ContextOverflow, PromptBlocked

FILTERED_REPLY = "the provider's filter ended the reply (content_filter)"
_UNSCORED: dict[Ending, Outcome] = {
    "blocked": "blocked",
    "infrastructure": "infrastructure",
    "suite": "infrastructure",
}


def ending_of(
    action: Action, executions: Sequence[Execution], spent: int, max_turns: int
) -> Ending | None:
    """How the episode ends with the turn just taken, or None where it goes on.

    `action` is the turn's; `executions` are all so far; `spent` is what they and the turns
    without any have taken of the budget of `max_turns`.
    """
    if action == "done":
        return "done"
    if ending := stuck(executions):
        return ending
    return "max_turns" if spent >= max_turns else None


def stuck(executions: Sequence[Execution]) -> Ending | None:
    """Too many failures in a row, or the same successful tool call five times in a row."""
    last = executions[-FAILURES_IN_A_ROW:]
    if len(last) == FAILURES_IN_A_ROW and not any(execution.ok for execution in last):
        return "failures"
    last = executions[-REPEATED_SUCCESSES:]
    if len(last) == REPEATED_SUCCESSES and all(_repeats(last[0], each) for each in last):
        return "repetition"
    return None


def _repeats(first: Execution, other: Execution) -> bool:
    return other.ok and other.tool == first.tool and other.arguments == first.arguments


def ending_by(error: CallError, turns: int) -> Ending:
    """How an episode of so many turns ends where the next reply does not come.

    Who has filled the context window has come to an end; where not even the opening fits, it is
    the server that is too small.
    """
    match error:
        case ContextOverflow() if turns:
            return "context_window"
        case PromptBlocked():
            return "blocked"
    return "infrastructure"


def outcome_of(ending: Ending) -> Outcome:
    """Scored, unless the model had no part in the end."""
    return _UNSCORED.get(ending, "completed")
