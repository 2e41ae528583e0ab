"""Tells what is in the workspace, or how to call a tool."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `utility_helper`."""

    tool: Annotated[
        str,
        Meta(
            description="Name of a tool to explain. Default: the workspace's files, addresses, services and results."
        ),
    ] = ""


@tool(
    Arguments,
    description="Tells what is in the workspace, or how to call a tool.",
    returns={"value": "an object with what was asked"},
)
def utility_helper(world: World, arguments: Arguments) -> Made:
    """Tells what is in the workspace, or how to call a tool."""
    raise failed("not built yet")
