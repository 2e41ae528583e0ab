"""What goes beside the work: cache, log, messages, status and help."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    in_short,
    kind_of,
    known_handles,
    take,
    tool,
)
from stormproof.suites.workflows.values import failed, invalid
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.tabular import listed
from stormproof.suites.workflows.world import ANY, LogEntry, Notification, World

# --- utility_cache -----------------------------------------------------------------------------


MOST_KEYS = 200


class CacheArguments(ToolArguments):
    """Arguments of `utility_cache`."""

    key: Annotated[str, Meta(description="The key.")]
    input: Input = None
    action: Annotated[Literal["put", "get"], Meta(description="What to do.")] = "put"


@tool(returns={"value": "key and stored; the data for get"})
def utility_cache(world: World, arguments: CacheArguments) -> Made:
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


# --- utility_helper ----------------------------------------------------------------------------


PART = 2_000  # characters of a result that are shown at once


class HelperArguments(ToolArguments):
    """Arguments of `utility_helper`."""

    tool: Annotated[
        str,
        Meta(
            description="Name of a tool to explain. Default: the workspace's files, "
            "addresses, services "
            "and results."
        ),
    ] = ""
    result: Annotated[
        str, Meta(description="Handle of a result to show more of, where it was cut.")
    ] = ""
    offset: Annotated[int, Meta(description="From which character on, with result.", ge=0)] = 0


@tool(returns={"value": "an object with what was asked; for result, a part of its text"})
def utility_helper(world: World, arguments: HelperArguments) -> Made:
    """Tells what is in the workspace, how to call a tool, or more of a long result."""
    if arguments.result:
        return _part(world, arguments.result, arguments.offset)
    if not arguments.tool:
        return Made(_workspace(world), "receipt")
    from stormproof.suites.workflows.tools import CATALOGUE  # noqa: PLC0415  the catalogue holds this tool

    found = CATALOGUE.get(arguments.tool)
    if found is None:
        close = difflib.get_close_matches(arguments.tool[:60], CATALOGUE, n=3)
        raise invalid(f"No tool is called {arguments.tool[:60]!r}. Near: {', '.join(close)}.")
    spec = found.spec
    described = {"name": spec.name, "description": spec.description, "returns": spec.returns}
    return Made({**described, "parameters": spec.parameters, "needs": list(spec.needs)}, "receipt")


def _part(world: World, handle: str, offset: int) -> Made:
    """So much of a result's text as is shown at once, and where it stands."""
    found = world.named(handle)
    if found is None:
        raise invalid(f"There is no result called {handle[:60]!r}. {known_handles(world)}")
    text = found.value if isinstance(found.value, str) else as_json(found.value)
    if offset >= len(text):
        raise invalid(f"{handle[:60]} has {len(text)} characters.")
    part = text[offset : offset + PART]
    place = f"Characters {offset} to {offset + len(part)} of {len(text)}."
    return Made(part, "receipt", note=place)


def _workspace(world: World) -> dict[str, Any]:
    """Names alone; to look inside, a tool must be used."""
    return {
        "files": list(world.files),
        "addresses": list(world.resources),
        "services": list(world.credentials),
        "results": list(world.results),
    }


# --- utility_logger ----------------------------------------------------------------------------


MOST_ENTRIES = 1_000


class LoggerArguments(ToolArguments):
    """Arguments of `utility_logger`."""

    message: Annotated[
        str, Meta(description="What to log. Default: a line about the latest result.")
    ] = ""
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Level of the entry.")
    ] = "info"
    input: Input = None


@tool(returns={"value": "level, message and entry (its number)"})
def utility_logger(world: World, arguments: LoggerArguments) -> Made:
    """Writes an entry to the log."""
    message = arguments.message or in_short(take(world, arguments.input, ANY))
    if len(world.log) >= MOST_ENTRIES:
        raise failed("The log is full.")
    world.log.append(LogEntry(arguments.level, message))
    receipt = {"level": arguments.level, "message": message, "entry": len(world.log)}
    return Made(receipt, "receipt")


# --- utility_notifier --------------------------------------------------------------------------


MOST_NOTIFICATIONS = 200


class NotifierArguments(ToolArguments):
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
    returns={"value": "recipient, channel, message"},
    needs=("computation_analyzer", "network_monitor"),
)
def utility_notifier(world: World, arguments: NotifierArguments) -> Made:
    """Sends a notification to a person or a team."""
    message = arguments.message
    if not message or arguments.input is not None:
        summary = in_short(take(world, arguments.input, ANY))
        message = f"{message} {summary}".strip()
    if len(world.notifications) >= MOST_NOTIFICATIONS:
        raise failed("No more notifications can be sent.")
    world.notifications.append(Notification(arguments.recipient, arguments.channel, message))
    receipt = {"recipient": arguments.recipient, "channel": arguments.channel, "message": message}
    return Made(receipt, "receipt")


# --- utility_tracker ---------------------------------------------------------------------------


MOST_NAMES = 200
MOST_STEPS = 50


class TrackerArguments(ToolArguments):
    """Arguments of `utility_tracker`."""

    name: Annotated[str, Meta(description="What is tracked.")] = "task"
    status: Annotated[str, Meta(description="Its status now.")] = "in progress"


@tool(returns={"value": "name, status, steps (handles of the results so far)"})
def utility_tracker(world: World, arguments: TrackerArguments) -> Made:
    """Notes the status of a piece of work and lists what was done so far."""
    if len(world.tracked) >= MOST_NAMES:
        raise failed("Too much is tracked already.")
    world.tracked[arguments.name] = arguments.status
    steps = list(world.results)[-MOST_STEPS:]
    receipt = {"name": arguments.name, "status": arguments.status, "steps": steps}
    return Made(receipt, "receipt")
