"""Checks that a payload is ready to be sent or written."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.schemas import required_errors, schema_errors
from stormproof.suites.workflows.values.tables import records_of
from stormproof.suites.workflows.world import World


class Arguments(ToolArguments):
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
    Arguments,
    description="Checks that a payload is ready to be sent or written: well formed, within size, "
    "with the fields that the other side requires.",
    returns={"value": "valid, bytes, records, errors (texts)"},
    needs=("data_processing_parser", "data_processing_transformer"),
)
def network_validator(world: World, arguments: Arguments) -> Made:
    """Checks that a payload is ready to be sent or written."""
    taken = take(world, arguments.input)
    value = taken.value
    size = len(as_json(value).encode())
    records = [] if isinstance(value, str) else records_of(value)
    errors = required_errors(records, arguments.required)
    if arguments.schema:
        errors += schema_errors(value, records, arguments.schema)
    if size > arguments.max_bytes:
        errors.append(f"{size} bytes are more than {arguments.max_bytes}")
    if value in (None, "", [], {}):
        errors.append("the payload is empty")
    report = {"valid": not errors, "bytes": size, "records": len(records), "errors": errors}
    return Made(report, "report")
