"""Writes data to a file of the workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.tools.paths import cleaned, put_file
from stormproof.suites.workflows.values.formats import format_of, render
from stormproof.suites.workflows.world import PAYLOAD, World


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
    taken = take(world, arguments.input, (*PAYLOAD, "archive"))
    value = taken.value["data"] if taken.kind == "archive" else taken.value
    text = render(value, arguments.format or format_of(arguments.path) or "text")
    if arguments.append:
        text = world.files.get(cleaned(arguments.path), "") + text
    path = put_file(world, arguments.path, text)
    return Made({"path": path, "size": len(text.encode())}, "receipt")
