"""How an episode ends, as far as its model ended it: done, out of turns, stuck.

What the other side ends (no reply: `infrastructure`) is seen where the reply was due, in `loop`.
"""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.domain.episodes import Action, Ending
from stormproof.domain.tasks import Execution

FAILURES_IN_A_ROW = 5
REPEATED_SUCCESSES = 5


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
    """Five failures in a row, or the same successful tool call five times in a row."""
    last = executions[-FAILURES_IN_A_ROW:]
    if len(last) == FAILURES_IN_A_ROW and not any(execution.ok for execution in last):
        return "failures"
    last = executions[-REPEATED_SUCCESSES:]
    if len(last) == REPEATED_SUCCESSES and all(_repeats(last[0], each) for each in last):
        return "repetition"
    return None


def _repeats(first: Execution, other: Execution) -> bool:
    return other.ok and other.tool == first.tool and other.arguments == first.arguments
