"""Converts data between CSV, JSON, JSON Lines and XML, and gives the new text."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.formats import parse, recognise, render
from stormproof.suites.workflows.world import World


class Arguments(ToolArguments):
    """Arguments of `file_operations_converter`."""

    to: Annotated[
        Literal["csv", "json", "jsonl", "xml"], Meta(description="The format wanted.")
    ] = "json"
    input: Input = None


@tool(
    Arguments,
    description="Converts data between CSV, JSON, JSON Lines and XML, and gives the new text.",
    returns={"value": "the converted text"},
)
def file_operations_converter(world: World, arguments: Arguments) -> Made:
    """Converts data between CSV, JSON, JSON Lines and XML, and gives the new text."""
    taken = take(world, arguments.input)
    value = taken.value
    if isinstance(value, str):
        value = parse(value, recognise(value))
    return Made(render(value, arguments.to), "text")
