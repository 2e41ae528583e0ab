"""Workflows solved exactly: the best plan, the best next call, and what no agent can exceed."""

from windtunnel.suite.workflow.planning import SAFE_STEP, best_step, ceiling, optimal_plan
from windtunnel.suite.workflow.solving import FILLER, NOTHING_HELPS, Item, Solution, solve
from windtunnel.suite.workflow.structure import Workflow, workflow_of

__all__ = [
    "FILLER",
    "NOTHING_HELPS",
    "SAFE_STEP",
    "Item",
    "Solution",
    "Workflow",
    "best_step",
    "ceiling",
    "optimal_plan",
    "solve",
    "workflow_of",
]
