"""Opens a session with a service, with the credentials held for it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import failed, invalid
from stormproof.suites.workflows.values.tables import listed
from stormproof.suites.workflows.world import World


class Arguments(ToolArguments):
    """Arguments of `integration_authenticator`."""

    service: Annotated[
        str, Meta(description="The service. Default: the first service without a session.")
    ] = ""


@tool(
    Arguments,
    description="Opens a session with a service, with the credentials held for it.",
    returns={"value": "service, session (token)"},
)
def integration_authenticator(world: World, arguments: Arguments) -> Made:
    """Opens a session with a service, with the credentials held for it."""
    services = world.credentials
    if not services:
        raise failed("No credentials are held here.")
    service = arguments.service or _first_closed(world)
    if service not in services:
        raise invalid(f"No credentials for {service[:60]!r}. Services are: {listed(services)}.")
    token = world.sessions[service] = world.token(service)
    return Made({"service": service, "session": token}, "session")


def _first_closed(world: World) -> str:
    """The first service without a session; when all have one, the first of all."""
    services = world.credentials
    return next((name for name in services if name not in world.sessions), next(iter(services)))
