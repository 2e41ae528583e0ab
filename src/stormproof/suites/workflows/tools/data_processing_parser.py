"""Parses CSV, JSON, JSON Lines or XML text into structured data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    kind_of,
    take,
    tool,
)
from stormproof.suites.workflows.values.formats import parse, recognise
from stormproof.suites.workflows.world import World


class Arguments(ToolArguments):
    """Arguments of `data_processing_parser`."""

    input: Input = None
    format: Annotated[
        Literal["csv", "json", "jsonl", "xml"] | None,
        Meta(description="The text's format. Default: recognised from the text."),
    ] = None
    delimiter: Annotated[
        str, Meta(description="What parts a CSV's cells. Default: recognised from its first line.")
    ] = ""


@tool(
    Arguments,
    description="Parses CSV, JSON, JSON Lines or XML text into structured data.",
    returns={"value": "a table (list of records) or an object"},
)
def data_processing_parser(world: World, arguments: Arguments) -> Made:
    """Parses CSV, JSON, JSON Lines or XML text into structured data."""
    taken = take(world, arguments.input, ("text",))
    if not isinstance(taken.value, str):
        return Made(taken.value, kind_of(taken.value))  # it is structured already
    value = parse(taken.value, arguments.format or recognise(taken.value), arguments.delimiter)
    return Made(value, kind_of(value))
