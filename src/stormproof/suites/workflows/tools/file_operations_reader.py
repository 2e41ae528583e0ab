"""Reads a file of the workspace and gives its text, unparsed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.tools.paths import find_file
from stormproof.suites.workflows.values.faults import ToolFault
from stormproof.suites.workflows.world import DEFAULTS_FILE, World


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
    path = find_file(world, arguments.path or next_unread(world))
    world.seen.add(path)
    return Made(world.files[path], "text", source=path)


def next_unread(world: World) -> str:
    """The first file that was not read yet; when all were read, the first of all."""
    paths = [path for path in world.files if path != DEFAULTS_FILE]
    if not paths:
        raise ToolFault("FILE_NOT_FOUND", "The workspace holds no files.")
    return next((path for path in paths if path not in world.seen), paths[0])
