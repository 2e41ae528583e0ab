"""Evaluates an arithmetic expression over numbers, an object's fields or a table's columns."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `computation_calculator`."""

    expression: Annotated[
        str,
        Meta(
            description="Such as sum(amount) * 1.2 or round(value / 12, 2); value is a number given as input. Default: the sum of all numbers in the input."
        ),
    ] = ""
    input: Input = None


@tool(
    Arguments,
    description="Evaluates an arithmetic expression over numbers, an object's fields or a table's columns.",
    returns={"value": "a number"},
    needs=("data_processing_parser", "network_validator"),
)
def computation_calculator(world: World, arguments: Arguments) -> Made:
    """Evaluates an arithmetic expression over numbers, an object's fields or a table's columns."""
    raise failed("not built yet")
