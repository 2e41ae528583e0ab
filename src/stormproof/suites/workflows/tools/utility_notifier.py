"""Sends a notification to a person or a team."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    in_short,
    take,
    tool,
)
from stormproof.suites.workflows.values.faults import failed
from stormproof.suites.workflows.world import ANY, Notification, World

MOST_NOTIFICATIONS = 200


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
    message = arguments.message
    if not message or arguments.input is not None:
        told = in_short(take(world, arguments.input, ANY))
        message = f"{message} {told}".strip()
    if len(world.notifications) >= MOST_NOTIFICATIONS:
        raise failed("No more notifications can be sent.")
    world.notifications.append(Notification(arguments.recipient, arguments.channel, message))
    receipt = {"recipient": arguments.recipient, "channel": arguments.channel, "message": message}
    return Made(receipt, "receipt")
