"""Fetches an address by HTTP GET and gives the body as text, unparsed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `network_fetcher`."""

    url: Annotated[
        str,
        Meta(description="The address. Default: the first known address that was not fetched yet."),
    ] = ""


@tool(
    Arguments,
    description="Fetches an address by HTTP GET and gives the body as text, unparsed.",
    returns={"value": "the body as text"},
)
def network_fetcher(world: World, arguments: Arguments) -> Made:
    """Fetches an address by HTTP GET and gives the body as text, unparsed."""
    raise failed("not built yet")
