"""From what the user wrote to what will run: pool file and options → endpoints → plan → trials."""

from windtunnel.plan.estimate import Estimate, ModelEstimate, estimate
from windtunnel.plan.expansion import check_models, credentials, expand
from windtunnel.plan.options import OPTIONS, Option, RunOptions, read_options
from windtunnel.plan.planning import MAX_TRIALS, Cell, Plan, endpoints_for, make_plan, plan_run
from windtunnel.plan.poolfile import SHIPPED_POOL, PoolFile, load_pool
from windtunnel.plan.scenarios import SCENARIOS, Scenario, prompt_type_count
from windtunnel.plan.supply import TrialSupply

__all__ = [
    "MAX_TRIALS",
    "OPTIONS",
    "SCENARIOS",
    "SHIPPED_POOL",
    "Cell",
    "Estimate",
    "ModelEstimate",
    "Option",
    "Plan",
    "PoolFile",
    "RunOptions",
    "Scenario",
    "TrialSupply",
    "check_models",
    "credentials",
    "endpoints_for",
    "estimate",
    "expand",
    "load_pool",
    "make_plan",
    "plan_run",
    "prompt_type_count",
    "read_options",
]
