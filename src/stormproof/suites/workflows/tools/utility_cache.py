"""Stores data under a key, or gets it back."""

from __future__ import annotations

from typing import Annotated, Literal

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
from stormproof.suites.workflows.values.tables import listed
from stormproof.suites.workflows.world import World

MOST_KEYS = 200


class Arguments(ToolArguments):
    """Arguments of `utility_cache`."""

    key: Annotated[str, Meta(description="The key.")]
    input: Input = None
    action: Annotated[Literal["put", "get"], Meta(description="What to do.")] = "put"


@tool(
    Arguments,
    description="Stores data under a key, or gets it back.",
    returns={"value": "key and stored; the data for get"},
)
def utility_cache(world: World, arguments: Arguments) -> Made:
    """Stores data under a key, or gets it back."""
    if arguments.action == "get":
        if arguments.key not in world.cache:
            raise failed(
                f"Nothing is cached as {arguments.key[:60]!r}. Keys: {listed(world.cache)}."
            )
        value = world.cache[arguments.key]
        return Made(value, kind_of(value))
    if len(world.cache) >= MOST_KEYS:
        raise failed("The cache is full.")
    world.cache[arguments.key] = take(world, arguments.input).value
    return Made({"key": arguments.key, "stored": True}, "receipt")
