"""Puts data into a message queue, or takes the oldest message out of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    kind_of,
    take,
    tool,
)
from stormproof.suites.workflows.values.faults import failed
from stormproof.suites.workflows.values.tables import is_table
from stormproof.suites.workflows.world import World

MOST_MESSAGES = 20_000


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
    messages = world.queues.setdefault(arguments.name, [])
    if arguments.action == "push":
        return _push(world, messages, arguments)
    if not messages:
        raise failed(f"Queue {arguments.name[:60]} is empty.")
    message = messages.pop(0) if arguments.action == "pop" else messages[0]
    return Made(message, kind_of(message))


def _push(world: World, messages: list[Any], arguments: Arguments) -> Made:
    value = take(world, arguments.input).value
    pushed = value if arguments.each and is_table(value) else [value]
    if len(messages) + len(pushed) > MOST_MESSAGES:
        raise failed(f"Queue {arguments.name[:60]} is full.")
    messages.extend(pushed)
    receipt = {"queue": arguments.name, "pushed": len(pushed), "length": len(messages)}
    return Made(receipt, "receipt")
