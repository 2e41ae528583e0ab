"""Sends data to an address by HTTP POST."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `network_poster`."""

    url: Annotated[str, Meta(description="The address to send to.")]
    input: Input = None


@tool(
    Arguments,
    description="Sends data to an address by HTTP POST.",
    returns={"value": "url, status and post (its number)"},
    needs=("data_processing_transformer", "integration_authenticator"),
)
def network_poster(world: World, arguments: Arguments) -> Made:
    """Sends data to an address by HTTP POST."""
    raise failed("not built yet")
