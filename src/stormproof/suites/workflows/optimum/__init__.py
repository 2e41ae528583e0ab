"""Tasks solved: plans, turn budgets, the best next tool call, and what no agent can exceed."""

from stormproof.suites.workflows.optimum.best_play import Guide, ceiling
from stormproof.suites.workflows.optimum.shown_plan import optimal_plan, own_turns, turn_budget
from stormproof.suites.workflows.optimum.troubles import troubles

__all__ = ["Guide", "ceiling", "optimal_plan", "own_turns", "troubles", "turn_budget"]
