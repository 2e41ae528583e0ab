"""Tasks solved exactly: the best plan, the best next tool call, and what no agent can exceed."""

from stormproof.suites.workflows.optimum.best_play import Guide, ceiling, optimal_plan

__all__ = ["Guide", "ceiling", "optimal_plan"]
