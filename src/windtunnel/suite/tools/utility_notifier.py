"""Sends a notification to a person or a team."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `utility_notifier`."""

    recipient: Annotated[str, Meta(description="Who is told.")]
    message: Annotated[str, Meta(description="The text. Default: the latest result, in short.")] = (
        ""
    )
    channel: Annotated[Literal["email", "sms", "chat"], Meta(description="How it is sent.")] = (
        "email"
    )
    input: Input = None


@tool(
    Arguments,
    description="Sends a notification to a person or a team.",
    returns={"value": "recipient, channel, message"},
    needs=("computation_analyzer", "network_monitor"),
)
def utility_notifier(world: World, arguments: Arguments) -> Made:
    """Sends a notification to a person or a team."""
    raise failed("not built yet")
