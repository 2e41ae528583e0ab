"""Connects to a system and lists the addresses that it offers."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.addresses import host_of
from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import failed, invalid
from stormproof.suites.workflows.values.tables import listed
from stormproof.suites.workflows.world import World


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
    hosts = list(dict.fromkeys(host_of(url) for url in world.resources))
    if not hosts:
        raise failed("No system is known here.")
    first = next((host for host in hosts if host not in world.connections), hosts[0])
    system = _host(arguments.system) if arguments.system else first
    if system not in hosts:
        raise invalid(f"No system is called {system[:60]!r}. Systems are: {listed(hosts)}.")
    if system not in world.connections:
        world.connections.append(system)
    addresses = [_address(world, url) for url in world.resources if host_of(url) == system]
    return Made({"system": system, "addresses": addresses}, "report")


def _host(system: str) -> str:
    """The host, where a whole URL was given."""
    return host_of(system) or system.strip().lower()


def _address(world: World, url: str) -> dict[str, Any]:
    resource = world.resources[url]
    needs = resource.credential is not None
    return {"url": url, "content_type": resource.content_type, "needs_session": needs}
