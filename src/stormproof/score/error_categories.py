"""The one main reason why an episode is no full success, by rules read from the top.

1. Full success: none ("").
2. `tool_call_format`: at least half of the turns held no recognisable action.
3. `other`: no tool call was made at all.
4. `collateral`: something was done that nobody asked for.

Where every tool of the task's own solution succeeded:
5. `sequence_order`: a first success came before that of a dependency among them;
6. `parameter_config`: the order is right, so what was done was not what the goal asks.

Where one is missing (or its latest tool call had failed when the episode was ended for the agent),
the last failed tool call of a missing tool decides; if none was tried and the episode ended by
failures, the last failed tool call of any does:
7. `tool_selection`: it named no tool of the catalogue, or was of a tool that the solution does not
   use, and was refused or could not work;
8. `parameter_config`: refused for its arguments, or the tool could not work with them;
9. `dependency`: failed by weather with a dependency unmet;
10. `timeout`: failed by weather with TIMEOUT;
11. `max_turns`: failed by weather, and the turn budget was spent;
12. `other`: failed by weather, and the agent gave up or had too many failures in a row.

Without such a failure:
13. `max_turns`: the turn budget was spent, and at least half of the tool calls were of tools that
    the solution uses;
14. `tool_selection`: the agent stopped, or spent its turns, without trying the missing tools.

A context window that is full is a turn budget that is spent.

Once the goal has been reached in full, nothing that follows is looked at, unless it spoils it.
"""

from __future__ import annotations

from collections.abc import Sequence

from stormproof.domain.episodes import Ending, Turn
from stormproof.domain.tasks import Execution, Task
from stormproof.score.measures import (
    final_standing,
    missing,
    respects_dependencies,
    success,
)

CATEGORIES = (
    "tool_call_format",
    "timeout",
    "max_turns",
    "tool_selection",
    "parameter_config",
    "sequence_order",
    "dependency",
    "collateral",
    "other",
)
BUDGET_SPENT = frozenset[Ending]({"max_turns", "context_window"})


def error_category(task: Task, turns: Sequence[Turn], ending: Ending) -> str:
    """One of `CATEGORIES`, or "" for a full success, by the rules of this module."""
    executions = [e for turn in turns for e in turn.executions]
    if success(executions) == "full":
        return ""
    if turns and 2 * sum(turn.format_error for turn in turns) >= len(turns):
        return "tool_call_format"
    if not executions:
        return "other"
    if final_standing(executions).collateral:
        return "collateral"
    lacking = missing(task, executions) or _broken_off(task, executions, ending)
    if lacking:
        return _of_missing(task, executions, lacking, ending)
    return "parameter_config" if respects_dependencies(task, executions) else "sequence_order"


def _broken_off(task: Task, executions: Sequence[Execution], ending: Ending) -> tuple[str, ...]:
    """The required tools whose latest call had failed when the episode was ended for the agent."""
    if ending == "done":
        return ()
    latest = {e.tool: e for e in executions}
    return tuple(t for t in dict.fromkeys(task.required_tools) if not latest[t].ok)


def _of_missing(
    task: Task, executions: Sequence[Execution], lacking: Sequence[str], ending: Ending
) -> str:
    decisive = _decisive(executions, lacking, ending)
    if decisive is not None:
        return _of_failure(task, decisive, ending)
    useful = sum(e.tool in task.required_tools for e in executions)
    if ending in BUDGET_SPENT and 2 * useful >= len(executions):
        return "max_turns"
    return "tool_selection"


def _decisive(
    executions: Sequence[Execution], lacking: Sequence[str], ending: Ending
) -> Execution | None:
    """The failure that decides: the last of a missing tool, else the last that ended it all."""
    failures = [e for e in reversed(executions) if not e.ok]
    of_missing = [e for e in failures if e.tool in lacking]
    candidates = of_missing or (failures if ending == "failures" else [])
    return candidates[0] if candidates else None


def _of_failure(task: Task, failure: Execution, ending: Ending) -> str:
    if failure.cause != "weather":
        return "parameter_config" if failure.tool in task.required_tools else "tool_selection"
    if failure.unmet:
        return "dependency"
    if failure.error_code == "TIMEOUT":
        return "timeout"
    return "max_turns" if ending in BUDGET_SPENT else "other"
