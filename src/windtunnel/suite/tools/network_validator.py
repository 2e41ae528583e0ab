"""Checks that a payload is ready to be sent or written."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `network_validator`."""

    input: Input = None
    required: Annotated[
        list[str], Meta(description="Fields that each record must have, not empty.")
    ] = []
    schema: Annotated[
        dict[str, Any] | None,
        Meta(description="JSON Schema that each record (or an object as a whole) must satisfy."),
    ] = None
    max_bytes: Annotated[int, Meta(description="Largest size as JSON.")] = 1_000_000


@tool(
    Arguments,
    description="Checks that a payload is ready to be sent or written: well formed, within size, with the fields that the other side requires.",
    returns={"value": "valid, bytes, records, errors (texts)"},
    needs=("data_processing_parser", "data_processing_transformer"),
)
def network_validator(world: World, arguments: Arguments) -> Made:
    """Checks that a payload is ready to be sent or written."""
    raise failed("not built yet")
