"""Checks data against a JSON Schema, required and unique fields, and reports what is wrong."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `data_processing_validator`."""

    input: Input = None
    schema: Annotated[
        dict[str, Any] | None,
        Meta(description="JSON Schema that each record (or an object as a whole) must satisfy."),
    ] = None
    required: Annotated[
        list[str], Meta(description="Fields that must be there and not empty.")
    ] = []
    unique: Annotated[list[str], Meta(description="Fields whose values must not repeat.")] = []


@tool(
    Arguments,
    description="Checks data against a JSON Schema, required and unique fields, and reports what is wrong.",
    returns={"value": "valid, checked (records), errors (texts)"},
    needs=("data_processing_parser",),
)
def data_processing_validator(world: World, arguments: Arguments) -> Made:
    """Checks data against a JSON Schema, required and unique fields, and reports what is wrong."""
    raise failed("not built yet")
