"""`windtunnel plan`, and `windtunnel run --dry-run`."""

from __future__ import annotations

from typing import Any

import msgspec

from windtunnel.cli.console import emit_json
from windtunnel.cli.flags import RunFlags
from windtunnel.cli.settings import settings
from windtunnel.plan import Plan, RunOptions, estimate, plan_run


def plan(*, flags: RunFlags | None = None) -> None:
    """Show what a run would do: grid, shards, slots per level, what is done, an estimate."""
    show_plan(settings(flags))


def show_plan(options: RunOptions) -> None:
    """Plan without running and show it, as text or as JSON."""
    planned = plan_run(options)
    if options.json:
        emit_json(as_data(planned))
    else:
        from windtunnel.cli.plan_text import render  # noqa: PLC0415  rich is not needed for JSON

        render(planned)


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as JSON-ready data; keys of endpoints are references, never values."""
    return {
        "options": plan.options,
        "planned": plan.planned,
        "done": plan.done,
        "remaining": plan.remaining,
        "endpoints": plan.endpoints,
        "cells": [msgspec.structs.asdict(c) | {"remaining": c.remaining} for c in plan.cells],
        "estimate": estimate(plan),
    }
