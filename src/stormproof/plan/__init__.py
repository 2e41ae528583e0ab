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
from stormproof.plan.poolfile import POOL_SCHEMA, SHIPPED_POOL, PoolFile, load_pool
from stormproof.plan.run_options import OPTIONS, Option, RunOptions, read_options
from stormproof.plan.scenarios import SCENARIOS, Scenario, prompt_type_count
from stormproof.plan.shards import Shard
from stormproof.plan.speed_up import SpeedUp, expected_speed_ups, kind_of, slots_of
from stormproof.plan.trial_supply import TrialSupply

__all__ = [
    "MAX_TRIALS",
    "OPTIONS",
    "POOL_SCHEMA",
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
    "SpeedUp",
    "TrialSupply",
    "check_models",
    "credentials",
    "endpoints_for",
    "estimate",
    "expand",
    "expected_speed_ups",
    "kind_of",
    "load_pool",
    "make_plan",
    "own_endpoints",
    "plan_run",
    "prompt_type_count",
    "read_options",
    "slots_of",
]
