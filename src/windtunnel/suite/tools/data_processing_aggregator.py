"""Computes sum, mean, count, min, max or median over records, as a whole or by group."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `data_processing_aggregator`."""

    input: Input = None
    function: Annotated[
        Literal["count", "sum", "mean", "min", "max", "median"] | None,
        Meta(
            description="What to compute. Default: count, sum, mean, min and max of each numeric field."
        ),
    ] = None
    field: Annotated[str, Meta(description="The numeric field. Not needed for count.")] = ""
    group_by: Annotated[
        str,
        Meta(
            description="Field whose values make the groups. Default: one result over all records."
        ),
    ] = ""


@tool(
    Arguments,
    description="Computes sum, mean, count, min, max or median over records, as a whole or by group.",
    returns={
        "value": "a number; by group, a table with the group and function_field, such as sum_amount (count for count); without function, an object per field"
    },
    needs=("data_processing_parser",),
)
def data_processing_aggregator(world: World, arguments: Arguments) -> Made:
    """Computes sum, mean, count, min, max or median over records, as a whole or by group."""
    raise failed("not built yet")
