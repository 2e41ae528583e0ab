"""Stores data under a key, or gets it back."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


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
    raise failed("not built yet")
