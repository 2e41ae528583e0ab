"""Chooses the records with the greatest total value whose total cost stays within a budget. The choice is exact."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `computation_optimizer`."""

    value: Annotated[str, Meta(description="Field with a record's value.")]
    cost: Annotated[str, Meta(description="Field with a record's cost.")]
    budget: Annotated[float, Meta(description="Greatest total cost.")]
    input: Input = None
    divisible: Annotated[bool, Meta(description="Records may be taken in part.")] = False


@tool(
    Arguments,
    description="Chooses the records with the greatest total value whose total cost stays within a budget. The choice is exact.",
    returns={"value": "total_value, total_cost, chosen (table)"},
)
def computation_optimizer(world: World, arguments: Arguments) -> Made:
    """Chooses the records with the greatest total value whose total cost stays within a budget. The choice is exact."""
    raise failed("not built yet")
