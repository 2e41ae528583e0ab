"""Sends each record to the first destination whose condition it satisfies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """A destination."""

    to: Annotated[str, Meta(description="Name of the destination.")]
    where: Annotated[str, Meta(description="Condition on a record's fields.")]


class Arguments(ToolArguments):
    """Arguments of `network_router`."""

    input: Input = None
    routes: Annotated[
        list[Route], Meta(description="Destinations in order, each with its condition.")
    ] = []
    otherwise: Annotated[
        str, Meta(description="Destination of the records that satisfy no condition.")
    ] = "default"


@tool(
    Arguments,
    description="Sends each record to the first destination whose condition it satisfies.",
    returns={"value": "an object: destination to its records"},
)
def network_router(world: World, arguments: Arguments) -> Made:
    """Sends each record to the first destination whose condition it satisfies."""
    raise failed("not built yet")
