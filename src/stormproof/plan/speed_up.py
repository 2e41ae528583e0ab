"""What a pool is for: kinds of model side by side, and each against one endpoint of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from stormproof.domain.pool import Endpoint
from stormproof.plan.estimate import paces
from stormproof.plan.planning import Plan

# Families that their owners alone serve. Where the pool file gives a model no `kind`, a name that
# begins so is closed, and any other is open.
CLOSED: Final = ("gpt-", "chatgpt", "o1", "o3", "o4", "claude", "gemini", "grok", "command")
_AZURE: Final = "Azure"
_GATEWAY: Final = "gateway"


class SpeedUp(Struct, frozen=True):
    """A model, or a kind of model (then `model` is ""), over all of its endpoints.

    `slots` is None where an endpoint declares none: they are found while running. `speed_up` is
    the calls a second of all endpoints together over those of the fastest one of the model; of a
    kind, over the sum of its models' fastest.
    """

    kind: str
    model: str
    endpoints: int
    slots: int | None
    calls_per_s: float
    speed_up: float


def kind_of(dialect: str, model: str, declared: str = "") -> str:
    """Where a model is served and what it is: `Azure open`, `gateway closed`."""
    where = _AZURE if dialect == "azure" else _GATEWAY
    family = "closed" if model.lower().startswith(CLOSED) else "open"
    return f"{where} {declared or family}"


def expected_speed_ups(plan: Plan) -> tuple[SpeedUp, ...]:
    """Each kind followed by its models, from the declared limits, as `estimate` has them."""
    found = paces(plan)
    kinds: dict[str, dict[str, list[Endpoint]]] = {}
    for endpoint in plan.endpoints:
        kind = kind_of(endpoint.dialect, endpoint.model, endpoint.kind)
        kinds.setdefault(kind, {}).setdefault(endpoint.model, []).append(endpoint)
    return tuple(
        row for kind, models in sorted(kinds.items()) for row in _kind(kind, models, found)
    )


def _kind(
    kind: str, models: Mapping[str, Sequence[Endpoint]], found: Mapping[str, float]
) -> tuple[SpeedUp, ...]:
    own = [e for endpoints in models.values() for e in endpoints]
    alone = sum(max(found[e.endpoint_id] for e in endpoints) for endpoints in models.values())
    rows = [_row(kind, model, endpoints, found) for model, endpoints in models.items()]
    together = sum(found[e.endpoint_id] for e in own)
    return SpeedUp(kind, "", len(own), slots_of(own), together, together / alone), *rows


def _row(
    kind: str, model: str, endpoints: Sequence[Endpoint], found: Mapping[str, float]
) -> SpeedUp:
    own = [found[e.endpoint_id] for e in endpoints]
    return SpeedUp(kind, model, len(own), slots_of(endpoints), sum(own), sum(own) / max(own))


def slots_of(endpoints: Sequence[Endpoint]) -> int | None:
    """The declared slots together; None where one endpoint declares none."""
    slots = [e.limits.max_workers for e in endpoints]
    known = [s for s in slots if s is not None]
    return sum(known) if len(known) == len(slots) else None
