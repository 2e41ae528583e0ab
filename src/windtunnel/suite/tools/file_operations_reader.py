"""Reads a file of the workspace and gives its text, unparsed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `file_operations_reader`."""

    path: Annotated[
        str, Meta(description="The file to read. Default: the first file that was not read yet.")
    ] = ""


@tool(
    Arguments,
    description="Reads a file of the workspace and gives its text, unparsed.",
    returns={"value": "the file's text"},
)
def file_operations_reader(world: World, arguments: Arguments) -> Made:
    """Reads a file of the workspace and gives its text, unparsed."""
    raise failed("not built yet")
