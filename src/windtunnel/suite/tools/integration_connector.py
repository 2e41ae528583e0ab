"""Connects to a system and lists the addresses that it offers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `integration_connector`."""

    system: Annotated[
        str,
        Meta(
            description="Host name of the system. Default: the first one that is not connected yet."
        ),
    ] = ""


@tool(
    Arguments,
    description="Connects to a system and lists the addresses that it offers.",
    returns={"value": "system, and addresses (table: url, content_type, needs_session)"},
)
def integration_connector(world: World, arguments: Arguments) -> Made:
    """Connects to a system and lists the addresses that it offers."""
    raise failed("not built yet")
