"""Plans a job to run regularly."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import failed, invalid
from stormproof.suites.workflows.world import Schedule, World

MOST_JOBS = 200
_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d")


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
    at = arguments.at.strip()
    if at and not _TIME.fullmatch(at):
        raise invalid(f"at is a time of day such as 06:30, not {at[:20]!r}.")
    at = at.zfill(len("HH:MM")) if at else ""
    if len(world.schedules) >= MOST_JOBS:
        raise failed("The schedule is full.")
    world.schedules.append(Schedule(arguments.job, arguments.every, at))
    return Made({"job": arguments.job, "every": arguments.every, "at": at}, "receipt")
