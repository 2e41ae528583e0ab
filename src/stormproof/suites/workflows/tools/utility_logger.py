"""Writes an entry to the log."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    in_short,
    take,
    tool,
)
from stormproof.suites.workflows.values.faults import failed
from stormproof.suites.workflows.world import ANY, LogEntry, World

MOST_ENTRIES = 1_000


class Arguments(ToolArguments):
    """Arguments of `utility_logger`."""

    message: Annotated[
        str, Meta(description="What to log. Default: a line about the latest result.")
    ] = ""
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Level of the entry.")
    ] = "info"
    input: Input = None


@tool(
    Arguments,
    description="Writes an entry to the log.",
    returns={"value": "level, message and entry (its number)"},
)
def utility_logger(world: World, arguments: Arguments) -> Made:
    """Writes an entry to the log."""
    message = arguments.message or in_short(take(world, arguments.input, ANY))
    if len(world.log) >= MOST_ENTRIES:
        raise failed("The log is full.")
    world.log.append(LogEntry(arguments.level, message))
    receipt = {"level": arguments.level, "message": message, "entry": len(world.log)}
    return Made(receipt, "receipt")
