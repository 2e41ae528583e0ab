"""All measures of one completed episode, and full and partial successes as one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from stormproof.domain.episodes import Ending, Score, Turn
from stormproof.domain.tasks import Task
from stormproof.score import measures
from stormproof.score.error_categories import error_category
from stormproof.score.flaw_measures import FlawedPlan, dealings

WEIGHTS: Mapping[str, float] = MappingProxyType({"full": 1.0, "partial": 0.5, "failed": 0.0})


def score(
    task: Task, turns: Sequence[Turn], ending: Ending, plan: FlawedPlan | None = None
) -> Score:
    """Score an episode that came to an end of its own; can be run again on stored episodes.

    Success, progress, collateral, coverage and order look at the whole episode;
    execution_success, recovery and redundant_calls at the tool calls up to full success
    (`measures.settled_at`). With the flawed `plan` that the prompt showed, what came of its flaws
    is scored too (`flaw_measures`).
    """
    executions = [e for turn in turns for e in turn.executions]
    counted = executions[: measures.settled_at(executions)]
    final = measures.final_standing(executions)
    success = measures.success(executions)
    found = dealings(plan, executions) if plan else None
    return Score(
        success=success,
        goal_met=final.goal_met,
        tool_coverage=measures.tool_coverage(task, executions),
        order=measures.order(task, executions),
        execution_success=measures.execution_success(counted),
        recovery=measures.recovery(counted),
        redundant_calls=measures.redundant_calls(counted),
        error_category=error_category(task, turns, ending),
        progress=final.progress,
        collateral=len(final.collateral),
        flaw_noticed=found.noticed if found else None,
        flaw_recovered=success == "full" if found and found.followed else None,
        flaw_followed=found.followed if found else None,
    )


def weighted_success(full: int, partial: int, scored: int) -> float | None:
    """(full + 0.5 × partial) / scored, in [0, 1]; None where nothing was scored."""
    if scored == 0:
        return None
    return (WEIGHTS["full"] * full + WEIGHTS["partial"] * partial) / scored
