"""What an episode came to, by written rules: pure functions of the task and the records."""

from stormproof.score.error_categories import CATEGORIES, error_category
from stormproof.score.flaw_measures import FlawedPlan
from stormproof.score.measures import (
    execution_success,
    final_standing,
    order,
    recovery,
    redundant_calls,
    respects_dependencies,
    settled_at,
    success,
    tool_coverage,
)
from stormproof.score.scoring import WEIGHTS, score, weighted_success

__all__ = [
    "CATEGORIES",
    "WEIGHTS",
    "FlawedPlan",
    "error_category",
    "execution_success",
    "final_standing",
    "order",
    "recovery",
    "redundant_calls",
    "respects_dependencies",
    "score",
    "settled_at",
    "success",
    "tool_coverage",
    "weighted_success",
]
