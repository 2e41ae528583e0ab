"""Maps data to other fields."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `integration_mapper`."""

    input: Input = None
    mapping: Annotated[
        dict[str, str],
        Meta(
            description='Target field to source path, such as {"city": "address.city"}. Default: all fields, nested ones joined with an underscore.'
        ),
    ] = {}


@tool(
    Arguments,
    description="Maps data to other fields: each target field is taken from a source path; nested data becomes flat.",
    returns={"value": "the mapped table or object"},
)
def integration_mapper(world: World, arguments: Arguments) -> Made:
    """Maps data to other fields."""
    raise failed("not built yet")
