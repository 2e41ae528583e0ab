"""From what the user wrote to what will run: pool file and options → endpoints → plan → trials."""

from stormproof.plan.endpoints import check_models, credentials, expand
from stormproof.plan.estimate import Estimate, ModelEstimate, estimate
from stormproof.plan.planning import (
    MAX_TRIALS,
    Plan,
    PlannedCell,
    endpoints_for,
    make_plan,
    own_endpoints,
    plan_run,
)
from stormproof.plan.poolfile import SHIPPED_POOL, PoolFile, load_pool
from stormproof.plan.run_options import OPTIONS, Option, RunOptions, read_options
from stormproof.plan.scenarios import SCENARIOS, Scenario, prompt_type_count
from stormproof.plan.shards import Shard
from stormproof.plan.trial_supply import TrialSupply

__all__ = [
    "MAX_TRIALS",
    "OPTIONS",
    "SCENARIOS",
    "SHIPPED_POOL",
    "Estimate",
    "ModelEstimate",
    "Option",
    "Plan",
    "PlannedCell",
    "PoolFile",
    "RunOptions",
    "Scenario",
    "Shard",
    "TrialSupply",
    "check_models",
    "credentials",
    "endpoints_for",
    "estimate",
    "expand",
    "load_pool",
    "make_plan",
    "own_endpoints",
    "plan_run",
    "prompt_type_count",
    "read_options",
]
