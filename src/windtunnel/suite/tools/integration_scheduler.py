"""Plans a job to run regularly."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `integration_scheduler`."""

    job: Annotated[str, Meta(description="Name of the job.")]
    every: Annotated[Literal["hour", "day", "week", "month"], Meta(description="How often.")] = (
        "day"
    )
    at: Annotated[str, Meta(description="Time of day, HH:MM.")] = ""


@tool(
    Arguments,
    description="Plans a job to run regularly.",
    returns={"value": "job, every, at"},
)
def integration_scheduler(world: World, arguments: Arguments) -> Made:
    """Plans a job to run regularly."""
    raise failed("not built yet")
