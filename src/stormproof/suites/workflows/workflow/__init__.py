"""Workflows solved exactly: the best plan, the best next call, and what no agent can exceed."""

from stormproof.suites.workflows.workflow.planning import SAFE_STEP, Guide, ceiling, optimal_plan
from stormproof.suites.workflows.workflow.solving import (
    FILLER,
    NOTHING_HELPS,
    Item,
    Solution,
    solve,
)
from stormproof.suites.workflows.workflow.structure import Workflow, free_workflow, planned_workflow

__all__ = [
    "FILLER",
    "NOTHING_HELPS",
    "SAFE_STEP",
    "Guide",
    "Item",
    "Solution",
    "Workflow",
    "ceiling",
    "free_workflow",
    "optimal_plan",
    "planned_workflow",
    "solve",
]
