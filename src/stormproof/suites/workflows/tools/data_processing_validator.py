"""Checks data against a JSON Schema, required and unique fields, and reports what is wrong."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.schemas import (
    MOST_ERRORS,
    required_errors,
    schema_errors,
    unique_errors,
)
from stormproof.suites.workflows.values.tables import fields_of, records_of
from stormproof.suites.workflows.world import DATA, World


class Arguments(ToolArguments):
    """Arguments of `data_processing_validator`."""

    input: Input = None
    schema: Annotated[
        dict[str, Any] | None,
        Meta(description="JSON Schema that each record (or an object as a whole) must satisfy."),
    ] = None
    required: Annotated[
        tuple[str, ...], Meta(description="Fields that must be there and not empty.")
    ] = ()
    unique: Annotated[
        tuple[str, ...], Meta(description="Fields whose values must not repeat.")
    ] = ()


@tool(
    Arguments,
    description="Checks data against a JSON Schema, required and unique fields, and reports what "
    "is wrong.",
    returns={"value": "valid, checked (records), errors (texts)"},
    needs=("data_processing_parser",),
)
def data_processing_validator(world: World, arguments: Arguments) -> Made:
    """Checks data against a JSON Schema, required and unique fields, and reports what is wrong."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    asked = arguments.schema or arguments.required or arguments.unique
    errors = required_errors(records, arguments.required if asked else fields_of(records))
    errors += unique_errors(records, arguments.unique)
    if arguments.schema:
        errors += schema_errors(taken.value, records, arguments.schema)
    report = {"valid": not errors, "checked": len(records), "errors": errors[:MOST_ERRORS]}
    return Made(report, "report")
