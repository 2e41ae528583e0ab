"""Lists the files of the workspace, or the lines in them that contain a text."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `file_operations_scanner`."""

    pattern: Annotated[str, Meta(description="Which paths to look at, such as data/*.csv.")] = "*"
    contains: Annotated[
        str,
        Meta(
            description="List the lines that contain this text (ignoring case) instead of the files."
        ),
    ] = ""


@tool(
    Arguments,
    description="Lists the files of the workspace, or the lines in them that contain a text.",
    returns={
        "value": "a table: path, size and lines of each file; or path, line and text of each match"
    },
)
def file_operations_scanner(world: World, arguments: Arguments) -> Made:
    """Lists the files of the workspace, or the lines in them that contain a text."""
    raise failed("not built yet")
