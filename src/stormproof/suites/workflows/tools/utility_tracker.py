"""Notes the status of a piece of work and lists what was done so far."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import failed
from stormproof.suites.workflows.world import World

MOST_NAMES = 200
MOST_STEPS = 50


class Arguments(ToolArguments):
    """Arguments of `utility_tracker`."""

    name: Annotated[str, Meta(description="What is tracked.")] = "task"
    status: Annotated[str, Meta(description="Its status now.")] = "in progress"


@tool(
    Arguments,
    description="Notes the status of a piece of work and lists what was done so far.",
    returns={"value": "name, status, steps (handles of the results so far)"},
)
def utility_tracker(world: World, arguments: Arguments) -> Made:
    """Notes the status of a piece of work and lists what was done so far."""
    if len(world.tracked) >= MOST_NAMES:
        raise failed("Too much is tracked already.")
    world.tracked[arguments.name] = arguments.status
    steps = list(world.results)[-MOST_STEPS:]
    receipt = {"name": arguments.name, "status": arguments.status, "steps": steps}
    return Made(receipt, "receipt")
