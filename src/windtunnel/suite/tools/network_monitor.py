"""Checks whether addresses answer, and how."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `network_monitor`."""

    url: Annotated[str, Meta(description="The address to check. Default: all known addresses.")] = (
        ""
    )


@tool(
    Arguments,
    description="Checks whether addresses answer, and how.",
    returns={"value": "a table: url, status, healthy, bytes"},
)
def network_monitor(world: World, arguments: Arguments) -> Made:
    """Checks whether addresses answer, and how."""
    raise failed("not built yet")
