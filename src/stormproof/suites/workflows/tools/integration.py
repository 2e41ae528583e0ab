"""Other systems: sessions, connections, field mappings, queues and schedules."""

from __future__ import annotations

import re
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
from stormproof.suites.workflows.values import failed, invalid
from stormproof.suites.workflows.values.tabular import Record, is_table, listed, records_of
from stormproof.suites.workflows.world import (
    DATA,
    EXPIRED,
    PAYLOAD,
    STRUCTURED,
    Schedule,
    World,
    host_of,
)

# --- integration_authenticator -----------------------------------------------------------------


class AuthenticatorArguments(ToolArguments):
    """Arguments of `integration_authenticator`."""

    service: Annotated[
        str, Meta(description="The service. Default: the first service without a session.")
    ] = ""


@tool(returns={"value": "service, session (token); none, and a note, for an expired credential"})
def integration_authenticator(world: World, arguments: AuthenticatorArguments) -> Made:
    """Opens a session with a service, with the credentials held for it."""
    services = world.credentials
    if not services:
        raise invalid("No credentials are held in this task.")
    service = arguments.service or _first_closed(world)
    if service not in services:
        raise invalid(f"No credentials for {service[:60]!r}. Services are: {listed(services)}.")
    before, _, successor = services[service].partition(EXPIRED)
    if successor and not before:
        note = f"This credential has expired; {successor} replaces it."
        return Made({"service": service, "session": None, "note": note}, "session")
    token = world.sessions[service] = world.token(service)
    return Made({"service": service, "session": token}, "session")


def _first_closed(world: World) -> str:
    """The first service without a session; when all have one, the first of all."""
    services = world.credentials
    return next((name for name in services if name not in world.sessions), next(iter(services)))


# --- integration_connector ---------------------------------------------------------------------


class ConnectorArguments(ToolArguments):
    """Arguments of `integration_connector`."""

    system: Annotated[
        str,
        Meta(
            description="Host name of the system. Default: the first one that is not connected yet."
        ),
    ] = ""


@tool(returns={"value": "system, and addresses (table: url, content_type, needs_session)"})
def integration_connector(world: World, arguments: ConnectorArguments) -> Made:
    """Connects to a system and lists the addresses that it offers."""
    hosts = list(dict.fromkeys(host_of(url) for url in world.resources))
    if not hosts:
        raise invalid("No system is known in this task.")
    first = next((host for host in hosts if host not in world.connections), hosts[0])
    system = _host(arguments.system) if arguments.system else first
    if system not in hosts:
        raise invalid(f"No system is called {system[:60]!r}. Systems are: {listed(hosts)}.")
    if system not in world.connections:
        world.connections.append(system)
    addresses = [_address(world, url) for url in world.resources if host_of(url) == system]
    return Made({"system": system, "addresses": addresses}, "report")


def _host(system: str) -> str:
    """The host, where a whole URL was given."""
    return host_of(system) or system.strip().lower()


def _address(world: World, url: str) -> dict[str, Any]:
    resource = world.resources[url]
    needs = resource.credential is not None
    return {"url": url, "content_type": resource.content_type, "needs_session": needs}


# --- integration_mapper ------------------------------------------------------------------------


MOST_FIELDS = 100
LONGEST_INDEX = 6
LONGEST_PATH = 200


class MapperArguments(ToolArguments):
    """Arguments of `integration_mapper`."""

    input: Input = None
    mapping: Annotated[
        dict[str, str] | None,
        Meta(
            description='Target field to source path, such as {"city": "address.city"}. '
            "Default: all "
            "fields, nested ones joined with an underscore."
        ),
    ] = None


@tool(returns={"value": "the mapped table or object"})
def integration_mapper(world: World, arguments: MapperArguments) -> Made:
    """Maps data to other fields: each target field is taken from a source path;
    nested data becomes flat.
    """  # noqa: D205  one sentence, as models are shown it
    mapping = arguments.mapping or {}
    if len(mapping) > MOST_FIELDS:
        raise invalid(f"At most {MOST_FIELDS} fields.")
    if any(len(path) > LONGEST_PATH for path in mapping.values()):
        raise invalid(f"A path has at most {LONGEST_PATH} characters.")
    value = take(world, arguments.input, DATA).value
    records = records_of(value)
    if mapping:
        for path in mapping.values():
            _check(records, path)
        mapped = [{t: _at(r, path) for t, path in mapping.items()} for r in records]
    else:
        mapped = [_flat(record) for record in records]
    if isinstance(value, dict) and len(records) == 1 and records[0] is value:
        return Made(mapped[0], "object")
    return Made(mapped, "table")


def _check(records: list[Record], path: str) -> None:
    """Refuse a path that no record has."""
    if records and all(_at(record, path) is None for record in records):
        paths = ", ".join(list(_flat(records[0], "."))[:20])
        raise invalid(f"There is nothing at '{path[:60]}'. Paths are: {paths}.")


def _at(value: Any, path: str) -> Any:
    """What is at a path such as `address.city` or `lines.0.price`; null where nothing is."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and len(part) < LONGEST_INDEX:
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


def _flat(record: Record, joint: str = "_", prefix: str = "") -> Record:
    """Nested objects' fields side by side, their names joined; lists stay as they are."""
    flat: Record = {}
    if len(prefix) > LONGEST_PATH:
        raise invalid("The names of nested fields are too long to be joined.")
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, joint, f"{prefix}{name}{joint}")
        else:
            flat[prefix + name] = value
    return flat


# --- integration_queue -------------------------------------------------------------------------


MOST_MESSAGES = 20_000


class QueueArguments(ToolArguments):
    """Arguments of `integration_queue`."""

    name: Annotated[str, Meta(description="The queue.")]
    input: Input = None
    action: Annotated[Literal["push", "pop", "peek"], Meta(description="What to do.")] = "push"
    each: Annotated[bool, Meta(description="Push each record as a message of its own.")] = False


@tool(returns={"value": "queue, pushed and length; the message for pop and peek"})
def integration_queue(world: World, arguments: QueueArguments) -> Made:
    """Puts data into a message queue, or takes the oldest message out of it."""
    messages = world.queues.setdefault(arguments.name, [])
    if arguments.action == "push":
        return _push(world, messages, arguments)
    if not messages:
        raise failed(f"Queue {arguments.name[:60]} is empty.")
    message = messages.pop(0) if arguments.action == "pop" else messages[0]
    return Made(message, kind_of(message))


def _push(world: World, messages: list[Any], arguments: QueueArguments) -> Made:
    taken = take(world, arguments.input, STRUCTURED if arguments.each else PAYLOAD)
    pushed = taken.value if arguments.each and is_table(taken.value) else [taken.value]
    if len(messages) + len(pushed) > MOST_MESSAGES:
        raise failed(f"Queue {arguments.name[:60]} is full.")
    messages.extend(pushed)
    receipt = {"queue": arguments.name, "pushed": len(pushed), "length": len(messages)}
    return Made(receipt, "receipt")


# --- integration_scheduler ---------------------------------------------------------------------


MOST_JOBS = 200
_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d")


class SchedulerArguments(ToolArguments):
    """Arguments of `integration_scheduler`."""

    job: Annotated[str, Meta(description="Name of the job.")]
    every: Annotated[Literal["hour", "day", "week", "month"], Meta(description="How often.")] = (
        "day"
    )
    at: Annotated[str, Meta(description="Time of day, HH:MM.")] = ""


@tool(returns={"value": "job, every, at"})
def integration_scheduler(world: World, arguments: SchedulerArguments) -> Made:
    """Plans a job to run regularly."""
    at = arguments.at.strip()
    if at and not _TIME.fullmatch(at):
        raise invalid(f"at is a time of day such as 06:30, not {at[:20]!r}.")
    at = at.zfill(len("HH:MM")) if at else ""
    if len(world.schedules) >= MOST_JOBS:
        raise failed("The schedule is full.")
    planned = Schedule(arguments.job, arguments.every, at)
    if planned not in world.schedules:
        world.schedules.append(planned)
    return Made({"job": arguments.job, "every": arguments.every, "at": at}, "receipt")
