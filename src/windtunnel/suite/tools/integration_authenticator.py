"""Opens a session with a service, with the credentials held for it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


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
    raise failed("not built yet")
