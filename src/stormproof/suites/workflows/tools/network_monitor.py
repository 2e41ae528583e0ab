"""Checks whether addresses answer, and how."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.addresses import locate
from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import ToolFault
from stormproof.suites.workflows.world import World

FIRST_BAD_STATUS = 400


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
    urls = [locate(world, arguments.url)] if arguments.url else list(world.resources)
    if not urls:
        raise ToolFault("NETWORK_ERROR", "No address is known here.")
    return Made([_state(world, url) for url in urls], "report")


def _state(world: World, url: str) -> dict[str, Any]:
    resource = world.resources[url]
    size = len(resource.body.encode())
    healthy = resource.status < FIRST_BAD_STATUS
    return {"url": url, "status": resource.status, "healthy": healthy, "bytes": size}
