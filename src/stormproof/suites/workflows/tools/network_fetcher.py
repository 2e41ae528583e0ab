"""Fetches an address by HTTP GET and gives the body as text, unparsed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.addresses import admitted, locate
from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import ToolFault
from stormproof.suites.workflows.world import World


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
    url = locate(world, arguments.url or next_unfetched(world))
    body = admitted(world, url).body
    world.seen.add(url)
    return Made(body, "text", source=url)


def next_unfetched(world: World) -> str:
    """The first address that was not fetched yet; when all were, the first of all."""
    if not world.resources:
        raise ToolFault("NETWORK_ERROR", "No address is known here.")
    urls = world.resources
    return next((url for url in urls if url not in world.seen), next(iter(urls)))
