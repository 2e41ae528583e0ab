"""Puts data into a message queue, or takes the oldest message out of it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `integration_queue`."""

    name: Annotated[str, Meta(description="The queue.")]
    input: Input = None
    action: Annotated[Literal["push", "pop", "peek"], Meta(description="What to do.")] = "push"
    each: Annotated[bool, Meta(description="Push each record as a message of its own.")] = False


@tool(
    Arguments,
    description="Puts data into a message queue, or takes the oldest message out of it.",
    returns={"value": "queue, pushed and length; the message for pop and peek"},
)
def integration_queue(world: World, arguments: Arguments) -> Made:
    """Puts data into a message queue, or takes the oldest message out of it."""
    raise failed("not built yet")
