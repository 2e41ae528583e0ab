"""Keeps the records of a table that satisfy a condition."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.tables import fields_of, is_empty, records_of
from stormproof.suites.workflows.world import DATA, World


class Arguments(ToolArguments):
    """Arguments of `data_processing_filter`."""

    input: Input = None
    where: Annotated[
        str,
        Meta(
            description="Condition on a record's fields, such as amount > 100 and status == "
            "'paid'. It knows and, or, not, in, and arithmetic. Default: no field is empty."
        ),
    ] = ""


@tool(
    Arguments,
    description="Keeps the records of a table that satisfy a condition.",
    returns={"value": "the table of records kept"},
)
def data_processing_filter(world: World, arguments: Arguments) -> Made:
    """Keeps the records of a table that satisfy a condition."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    if not arguments.where:
        whole = [r for r in records if not any(is_empty(value) for value in r.values())]
        return Made(whole, "table")
    condition = compiled(arguments.where)
    if records:
        condition.check_names(fields_of(records))
    return Made([r for r in records if condition.run(r)], "table")
