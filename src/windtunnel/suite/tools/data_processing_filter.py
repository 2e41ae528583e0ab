"""Keeps the records of a table that satisfy a condition."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `data_processing_filter`."""

    input: Input = None
    where: Annotated[
        str,
        Meta(
            description="Condition on a record's fields, such as: amount > 100 and status == 'paid'. Default: no field is empty."
        ),
    ] = ""


@tool(
    Arguments,
    description="Keeps the records of a table that satisfy a condition.",
    returns={"value": "the table of records kept"},
)
def data_processing_filter(world: World, arguments: Arguments) -> Made:
    """Keeps the records of a table that satisfy a condition."""
    raise failed("not built yet")
