"""Simulates how a quantity grows step by step, with chance, over many seeded runs."""

from __future__ import annotations

import random
from statistics import fmean
from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.faults import ToolFault, invalid
from stormproof.suites.workflows.values.numerics import is_number, tidy
from stormproof.suites.workflows.world import World

MOST_DRAWS = 20_000
GREATEST = 1e100


class Arguments(ToolArguments):
    """Arguments of `computation_simulator`."""

    input: Input = None
    start: Annotated[
        float | None,
        Meta(description="Value at the beginning. Default: the input, if it is a number."),
    ] = None
    growth: Annotated[float, Meta(description="Growth per step as a share, such as 0.05.")] = 0.0
    volatility: Annotated[float, Meta(description="Standard deviation of the growth per step.")] = (
        0.0
    )
    steps: Annotated[int, Meta(description="Steps in a run.")] = 12
    runs: Annotated[int, Meta(description="Runs.")] = 20
    seed: Annotated[int, Meta(description="Seed of the draws.")] = 0


@tool(
    Arguments,
    description="Simulates how a quantity grows step by step, with chance, over many seeded runs.",
    returns={
        "value": "mean, low (5 %), high (95 %) of the final values, and path (means after"
        " each step)"
    },
)
def computation_simulator(world: World, arguments: Arguments) -> Made:
    """Simulates how a quantity grows step by step, with chance, over many seeded runs."""
    start = _start(world, arguments)
    if arguments.steps < 1 or arguments.runs < 1:
        raise invalid("steps and runs are at least 1.")
    if arguments.steps * arguments.runs > MOST_DRAWS:
        raise invalid(f"steps times runs is at most {MOST_DRAWS:,}.")
    paths = _paths(start, arguments)
    finals = sorted(path[-1] for path in paths)
    made = {
        "mean": tidy(fmean(finals)),
        "low": tidy(finals[int(0.05 * (len(finals) - 1))]),
        "high": tidy(finals[-1 - int(0.05 * (len(finals) - 1))]),
        "path": [tidy(fmean(step)) for step in zip(*paths, strict=True)],
    }
    return Made(made, "findings")


def _start(world: World, arguments: Arguments) -> float:
    if arguments.start is not None:
        return arguments.start
    value = take(world, arguments.input, ("number",)).value
    if not is_number(value):
        raise invalid("Give start: the value at the beginning.")
    return float(value)


def _paths(start: float, arguments: Arguments) -> list[list[float]]:
    """Runs of value ← value × (1 + growth + volatility × draw), draws standard normal.

    Without volatility all runs are alike, so one is enough.
    """
    draws = random.Random(arguments.seed)  # noqa: S311  a simulation, seeded by the caller
    paths = []
    for _ in range(arguments.runs if arguments.volatility else 1):
        value, path = start, []
        for _ in range(arguments.steps):
            chance = arguments.volatility * draws.gauss(0.0, 1.0) if arguments.volatility else 0.0
            value *= 1.0 + arguments.growth + chance
            path.append(value)
        if abs(value) > GREATEST:
            raise ToolFault("OVERFLOW", "The quantity grows beyond all bounds.")
        paths.append(path)
    return paths
