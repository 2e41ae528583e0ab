"""`stormproof plan`, and `stormproof run --dry-run`."""

from __future__ import annotations

from typing import Any

import msgspec

from stormproof.cli.parameters import RunFlags, options_from
from stormproof.cli.sample_size import sample_sizes
from stormproof.cli.streams import emit_json
from stormproof.plan import Plan, RunOptions, estimate


def plan(*, power: float | None = None, flags: RunFlags | None = None) -> None:
    """Show what a run would do: grid, shards, slots per level, what is done, an estimate.

    Parameters
    ----------
    power
        Also say how many instances a difference of this size needs to be seen, as 0.05.
    """
    show_plan(options_from(flags), power)


def show_plan(options: RunOptions, power: float | None = None) -> None:
    """Plan without running and show it, as text or as JSON."""
    from stormproof.plan.python_api import plan as plan_ahead  # noqa: PLC0415  --help does without

    planned = plan_ahead(options)
    sizes = sample_sizes(planned, power) if power is not None else []
    if options.json:
        emit_json(as_data(planned) | ({"power": sizes} if sizes else {}))
    else:
        from stormproof.cli.plan_tables import render  # noqa: PLC0415  rich is not needed for JSON

        render(planned, power, sizes)


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON-ready data; keys of endpoints are references, never values."""
    return {
        "options": plan.options,
        "share": plan.share,
        "notices": plan.notices,
        "planned": plan.planned,
        "done": plan.done,
        "remaining": plan.remaining,
        "endpoints": plan.endpoints,
        "cells": [msgspec.structs.asdict(c) | {"remaining": c.remaining} for c in plan.cells],
        "estimate": estimate(plan),
    }
