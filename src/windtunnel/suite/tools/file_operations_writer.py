"""Writes data to a file of the workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `file_operations_writer`."""

    path: Annotated[str, Meta(description="The file to write.")]
    input: Input = None
    format: Annotated[
        Literal["csv", "json", "jsonl", "xml", "text"] | None,
        Meta(description="How to write structured data. Default: by the path's ending."),
    ] = None
    append: Annotated[bool, Meta(description="Add to the file's end instead of replacing it.")] = (
        False
    )


@tool(
    Arguments,
    description="Writes data to a file of the workspace.",
    returns={"value": "path and size of the file"},
    needs=("data_processing_transformer", "network_validator"),
)
def file_operations_writer(world: World, arguments: Arguments) -> Made:
    """Writes data to a file of the workspace."""
    raise failed("not built yet")
