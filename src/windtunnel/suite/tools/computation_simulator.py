"""Simulates how a quantity grows step by step, with chance, over many seeded runs."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


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
        "value": "mean, low (5 %), high (95 %) of the final values, and path (means after each step)"
    },
)
def computation_simulator(world: World, arguments: Arguments) -> Made:
    """Simulates how a quantity grows step by step, with chance, over many seeded runs."""
    raise failed("not built yet")
