"""What a plan will take in calls, tokens and time, from the declared limits alone.

Rough by nature: the assumptions stand here, and `stormproof plan` prints them with the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import inf

from msgspec import Struct

from stormproof.domain.conditions import TaskType
from stormproof.domain.pool import FEW_SLOTS, Endpoint, Limits, RateMode
from stormproof.plan.planning import Plan, PlannedCell

TOOLS: dict[TaskType, float] = {  # middle of the range of required tools
    "simple_task": 2.5,
    "basic_task": 3.5,
    "api_integration": 3.5,
    "data_pipeline": 4.0,
    "multi_stage_pipeline": 5.0,
}
EXTRA_TURNS = 2  # looking around, and saying that it is done
FIRST_PROMPT_TOKENS = 900
TURN_TOKENS = 180  # what one turn adds to the next prompt
REPLY_TOKENS = 120
LATENCY_S = 5.0
UNDECLARED_WORKERS = 32  # in flight, where nothing at all is declared

ASSUMPTIONS = (
    f"turns = required tools ÷ success rate + {EXTRA_TURNS}, at most the turn budget; "
    f"{FIRST_PROMPT_TOKENS} prompt tokens at first and {TURN_TOKENS} more per turn, {REPLY_TOKENS} "
    f"per reply, or its limit where that is less; {LATENCY_S:g} s per call; calls/s of an endpoint "
    f"= the least of its declared workers ÷ latency, qps, rpm ÷ 60 and tpm ÷ 60 ÷ tokens per call, "
    f"within what its provider, key and deployment allow (where nothing is declared, "
    f"{UNDECLARED_WORKERS} workers, {FEW_SLOTS} in fixed mode); "
    f"models run at once, so the slowest decides"
)


class ModelEstimate(Struct, frozen=True):
    """One model's share. `cost` is None where the pool file gives no prices."""

    model: str
    episodes: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    calls_per_s: float
    seconds: float
    cost: float | None


class Estimate(Struct, frozen=True):
    """Of the trials that remain."""

    models: tuple[ModelEstimate, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None
    assumptions: str = ASSUMPTIONS


def estimate(plan: Plan) -> Estimate:
    """Calls, tokens, seconds and money that the plan's remaining trials will take."""
    cells: dict[str, list[PlannedCell]] = defaultdict(list)
    for cell in plan.cells:
        if cell.remaining:
            cells[cell.model].append(cell)
    models = tuple(
        _model(model, own, [e for e in plan.endpoints if e.model == model], plan)
        for model, own in cells.items()
    )
    costs = [m.cost for m in models if m.cost is not None]
    return Estimate(
        models=models,
        calls=sum(m.calls for m in models),
        prompt_tokens=sum(m.prompt_tokens for m in models),
        completion_tokens=sum(m.completion_tokens for m in models),
        seconds=max((m.seconds for m in models), default=0.0),
        cost=sum(costs) if costs else None,
    )


def paces(plan: Plan) -> dict[str, float]:
    """Calls a second of every endpoint, by id, as the plan's cells would use it."""
    found = {}
    for endpoint in plan.endpoints:
        cells = [cell for cell in plan.cells if cell.model == endpoint.model]
        calls = sum(turns(c) * c.planned for c in cells)
        prompt = sum(_prompt_tokens(turns(c)) * c.planned for c in cells)
        per_call = _reply_tokens(endpoint) + (prompt / calls if calls else FIRST_PROMPT_TOKENS)
        found[endpoint.endpoint_id] = _pace(endpoint, per_call, plan)
    return found


def turns(cell: PlannedCell) -> float:
    """Expected turns of an episode: each required tool until it succeeds, and two more."""
    rate = max(cell.condition.tool_success_rate, 0.05)
    return min(cell.condition.max_turns, TOOLS[cell.task_type] / rate + EXTRA_TURNS)


def _model(
    model: str, cells: Sequence[PlannedCell], own: Sequence[Endpoint], plan: Plan
) -> ModelEstimate:
    calls = sum(turns(c) * c.remaining for c in cells)
    prompt = sum(_prompt_tokens(turns(c)) * c.remaining for c in cells)
    reply = _reply_tokens(own[0])
    per_call = prompt / calls + reply
    calls_per_s = sum(_pace(e, per_call, plan) for e in own)
    longest = max(turns(c) for c in cells) * LATENCY_S
    price_in, price_out = own[0].price_in, own[0].price_out
    priced = price_in is not None or price_out is not None
    return ModelEstimate(
        model=model,
        episodes=sum(c.remaining for c in cells),
        calls=round(calls),
        prompt_tokens=round(prompt),
        completion_tokens=round(calls * reply),
        calls_per_s=calls_per_s,
        seconds=max(calls / calls_per_s, longest),
        cost=(prompt * (price_in or 0) + calls * reply * (price_out or 0)) / 1e6
        if priced
        else None,
    )


def _prompt_tokens(calls: float) -> float:
    """Over an episode: the first prompt in each call, and every earlier turn again."""
    return calls * (FIRST_PROMPT_TOKENS + TURN_TOKENS * (calls - 1) / 2)


def _reply_tokens(endpoint: Endpoint) -> int:
    return min(REPLY_TOKENS, endpoint.most_reply_tokens or REPLY_TOKENS)


def _pace(endpoint: Endpoint, tokens: float, plan: Plan) -> float:
    """Calls/s of an endpoint, scaled down where a shared limit holds less than its members."""
    share, mode = 1.0, plan.options.rate_mode
    for group in endpoint.groups:
        members = [e for e in plan.endpoints if any(g.name == group.name for g in e.groups)]
        wanted = sum(_own_pace(e, tokens, mode) for e in members)
        share = min(share, _declared_pace(group.limits, tokens, wanted) / wanted)
    return _own_pace(endpoint, tokens, mode) * share


def _own_pace(endpoint: Endpoint, tokens: float, mode: RateMode) -> float:
    """By its own limits; in fixed mode one that has none at all gets few slots."""
    slots = endpoint.fixed_slots if mode == "fixed" else inf
    workers = UNDECLARED_WORKERS if slots == inf else slots
    return _declared_pace(endpoint.limits, tokens, workers / LATENCY_S)


def _declared_pace(limits: Limits, tokens: float, undeclared: float) -> float:
    """The least of the declared limits as calls/s; `undeclared` where there is none."""
    paces = (
        limits.max_workers and limits.max_workers / LATENCY_S,
        limits.qps,
        limits.rpm and limits.rpm / 60,
        limits.tpm and limits.tpm / 60 / tokens,
    )
    return min((p for p in paces if p), default=undeclared)
