"""Lists the files of the workspace, or the lines in them that contain a text."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.tools.paths import cleaned
from stormproof.suites.workflows.world import World

MOST_MATCHES = 200


class Arguments(ToolArguments):
    """Arguments of `file_operations_scanner`."""

    pattern: Annotated[str, Meta(description="Which paths to look at, such as data/*.csv.")] = "*"
    contains: Annotated[
        str,
        Meta(
            description="List the lines that contain this text (ignoring case) instead of "
            "the files."
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
    pattern = cleaned(arguments.pattern)
    paths = [path for path in world.files if fnmatch(path, pattern)]
    if not arguments.contains:
        return Made([_described(world, path) for path in paths], "table")
    wanted = arguments.contains.lower()
    found = [match for path in paths for match in _matches(path, world.files[path], wanted)]
    return Made(found[:MOST_MATCHES], "table")


def _described(world: World, path: str) -> dict[str, Any]:
    text = world.files[path]
    return {"path": path, "size": len(text.encode()), "lines": len(text.splitlines())}


def _matches(path: str, text: str, wanted: str) -> list[dict[str, Any]]:
    return [
        {"path": path, "line": number, "text": line[:200]}
        for number, line in enumerate(text.splitlines(), 1)
        if wanted in line.lower()
    ]
