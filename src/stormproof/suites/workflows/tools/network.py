"""Simulated HTTP: to fetch, monitor, post, route and validate."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from stormproof.domain.tasks import Resource
from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    reported,
    take,
    tool,
)
from stormproof.suites.workflows.values import ToolFault, affordable, failed, invalid
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.formats import parse, recognise
from stormproof.suites.workflows.values.schemas import named_in, required_faults, schema_faults
from stormproof.suites.workflows.values.tabular import Record, fields_of, listed, records_of
from stormproof.suites.workflows.world import DATA, Examination, Post, World, host_of

# --- addresses ---------------------------------------------------------------------------------


_CLIENT_ERROR = 400
_SERVER_ERROR = 500


def locate(world: World, url: str) -> str:
    """The known address that is meant; a missing scheme or a last slash is forgiven.

    Raises ToolFault: INVALID_INPUT for what is no URL, NETWORK_ERROR for an unknown host,
    INVALID_RESPONSE (404) for an unknown path of a known one.
    """
    url = url.strip()
    if url in world.resources:
        return url
    for known in world.resources:
        if known.rstrip("/").partition("://")[2] == url.rstrip("/").rpartition("://")[2]:
            return known
    host = host_of(url)
    if not host:
        raise invalid(f"This is not a URL: {url[:80]!r}. Known: {listed(world.resources)}.")
    same_host = [known for known in world.resources if host_of(known) == host]
    if not same_host:
        raise ToolFault("NETWORK_ERROR", f"The host {host[:80]} cannot be reached.")
    raise ToolFault("INVALID_RESPONSE", f"404: it offers {listed(same_host)}.")


def admitted(world: World, url: str) -> Resource:
    """The address's resource, where it answers well and a session is open if it wants one."""
    resource = world.resources[url]
    wanted = resource.credential
    if wanted and wanted not in world.sessions:
        raise ToolFault("UNAUTHORIZED", f"401: open a session with {wanted} first.")
    if resource.status >= _SERVER_ERROR:
        raise ToolFault("NETWORK_ERROR", f"{resource.status}: the service is down.")
    if resource.status >= _CLIENT_ERROR:
        raise ToolFault("INVALID_RESPONSE", f"{resource.status}: {resource.body[:200]}")
    return resource


# --- network_fetcher ---------------------------------------------------------------------------


class FetcherArguments(ToolArguments):
    """Arguments of `network_fetcher`."""

    url: Annotated[
        str,
        Meta(description="The address. Default: the first known address that was not fetched yet."),
    ] = ""


@tool(returns={"value": "the body as text"})
def network_fetcher(world: World, arguments: FetcherArguments) -> Made:
    """Fetches an address by HTTP GET and gives the body as text, unparsed."""
    url = locate(world, arguments.url or _next_unfetched(world))
    world.probed.add(url)  # whatever it answers: to hear that it is down is to have looked
    body = admitted(world, url).body
    world.seen.add(url)
    return Made(body, "text", source=url)


def _next_unfetched(world: World) -> str:
    """The first address that was not fetched yet; when all were, the first of all."""
    if not world.resources:
        raise invalid("No address is known in this task: give one in url.")
    urls = world.resources
    return next((url for url in urls if url not in world.seen), next(iter(urls)))


# --- network_monitor ---------------------------------------------------------------------------


class MonitorArguments(ToolArguments):
    """Arguments of `network_monitor`."""

    url: Annotated[str, Meta(description="The address to check. Default: all known addresses.")] = (
        ""
    )


@tool(returns={"value": "a table: url, status, healthy, bytes"})
def network_monitor(world: World, arguments: MonitorArguments) -> Made:
    """Checks whether addresses answer, and how."""
    urls = [locate(world, arguments.url)] if arguments.url else list(world.resources)
    if not urls:
        raise invalid("No address is known in this task: give one in url.")
    world.probed.update(urls)
    return Made([_state(world, url) for url in urls], "report")


def _state(world: World, url: str) -> dict[str, Any]:
    resource = world.resources[url]
    size = len(resource.body.encode())
    healthy = resource.status < _CLIENT_ERROR
    return {"url": url, "status": resource.status, "healthy": healthy, "bytes": size}


# --- network_poster ----------------------------------------------------------------------------


MOST_POSTS = 200


class PosterArguments(ToolArguments):
    """Arguments of `network_poster`."""

    url: Annotated[str, Meta(description="The address to send to.")]
    input: Input = None


@tool(
    returns={"value": "url, status and post (its number)"},
    needs=("data_processing_transformer", "integration_authenticator"),
)
def network_poster(world: World, arguments: PosterArguments) -> Made:
    """Sends data to an address by HTTP POST."""
    url = locate(world, arguments.url)
    admitted(world, url)
    if len(world.posts) >= MOST_POSTS:
        raise failed("The service takes no more posts.")
    body = take(world, arguments.input).value
    world.posts.append(Post(url, body))
    return Made({"url": url, "status": 201, "post": len(world.posts)}, "receipt")


# --- network_router ----------------------------------------------------------------------------


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """A destination."""

    to: Annotated[str, Meta(description="Name of the destination.")]
    where: Annotated[str, Meta(description="Condition on a record's fields.")]


MOST_ROUTES = 10


class RouterArguments(ToolArguments):
    """Arguments of `network_router`."""

    input: Input = None
    routes: Annotated[
        tuple[Route, ...],
        Meta(
            description="Destinations in order, each with its condition, such as "
            '[{"to": "large", "where": "amount > 100"}].'
        ),
    ] = ()
    otherwise: Annotated[
        str, Meta(description="Destination of the records that satisfy no condition.")
    ] = "default"


@tool(returns={"value": "an object: destination to its records"})
def network_router(world: World, arguments: RouterArguments) -> Made:
    """Sends each record to the first destination whose condition it satisfies."""
    if len(arguments.routes) > MOST_ROUTES:
        raise invalid(f"At most {MOST_ROUTES} routes.")
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    conditions = [(route.to, compiled(route.where)) for route in arguments.routes]
    affordable(sum(condition.parts for _, condition in conditions) * len(records))
    for _, condition in conditions if records else ():
        condition.check_names(fields_of(records))
    parts: dict[str, list[Record]] = {}
    for record in records:
        to = next((to for to, c in conditions if c.run(record)), arguments.otherwise)
        parts.setdefault(to, []).append(record)
    for to, members in parts.items():
        world.routed.setdefault(to, []).extend(members)
    return Made(parts, "findings")


# --- network_validator -------------------------------------------------------------------------


class PayloadValidatorArguments(ToolArguments):
    """Arguments of `network_validator`."""

    input: Input = None
    required: Annotated[
        tuple[str, ...], Meta(description="Fields that each record must have, not empty.")
    ] = ()
    schema: Annotated[
        dict[str, Any] | None,
        Meta(description="JSON Schema that each record (or an object as a whole) must satisfy."),
    ] = None
    max_bytes: Annotated[int, Meta(description="Largest size as JSON.")] = 1_000_000


@tool(
    returns={"value": "valid, faults (how many), errors (texts), checked (records), bytes"},
    needs=("data_processing_parser", "data_processing_transformer"),
)
def network_validator(world: World, arguments: PayloadValidatorArguments) -> Made:
    """Checks that a payload is ready to be sent or written: well formed, within size, with the
    fields that the other side requires.
    """  # noqa: D205  one sentence, as models are shown it
    value = take(world, arguments.input).value
    size = len(value.encode() if isinstance(value, str) else as_json(value).encode())
    value, faults = _read(value)
    records = [] if isinstance(value, str) else records_of(value)
    faults += required_faults(records, arguments.required)
    if arguments.schema and not isinstance(value, str):
        faults += schema_faults(value, records, arguments.schema)
    if size > arguments.max_bytes:
        faults.append(f"{size} bytes are more than {arguments.max_bytes}")
    if value in (None, "", [], {}):
        faults.append("the payload is empty")
    filled = (*arguments.required, *named_in(arguments.schema))
    world.examined.append(Examination(records, frozenset(filled)))
    return reported(faults, checked=len(records), bytes=size)


def _read(payload: Any) -> tuple[Any, list[str]]:
    """The value of a payload, and what keeps a text from being read."""
    if not isinstance(payload, str) or not payload.strip():
        return payload, []
    try:
        return parse(payload, recognise(payload)), []
    except ToolFault as fault:
        return payload, [f"the text cannot be read as records: {fault.message}"]
