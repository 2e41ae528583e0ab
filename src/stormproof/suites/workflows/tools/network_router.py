"""Sends each record to the first destination whose condition it satisfies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.faults import invalid
from stormproof.suites.workflows.values.tables import Record, fields_of, records_of
from stormproof.suites.workflows.world import DATA, World


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """A destination."""

    to: Annotated[str, Meta(description="Name of the destination.")]
    where: Annotated[str, Meta(description="Condition on a record's fields.")]


MOST_ROUTES = 10


class Arguments(ToolArguments):
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


@tool(
    Arguments,
    description="Sends each record to the first destination whose condition it satisfies.",
    returns={"value": "an object: destination to its records"},
)
def network_router(world: World, arguments: Arguments) -> Made:
    """Sends each record to the first destination whose condition it satisfies."""
    if len(arguments.routes) > MOST_ROUTES:
        raise invalid(f"At most {MOST_ROUTES} routes.")
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    conditions = [(route.to, compiled(route.where)) for route in arguments.routes]
    for _, condition in conditions if records else ():
        condition.check_names(fields_of(records))
    parts: dict[str, list[Record]] = {}
    for record in records:
        to = next((to for to, c in conditions if c.run(record)), arguments.otherwise)
        parts.setdefault(to, []).append(record)
    for to, members in parts.items():
        world.routed.setdefault(to, []).extend(members)
    return Made(parts, "findings")
