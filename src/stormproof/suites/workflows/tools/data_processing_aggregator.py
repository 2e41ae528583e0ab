"""Computes sum, mean, count, min, max or median over records, as a whole or by group."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.faults import invalid
from stormproof.suites.workflows.values.numerics import tidy, total
from stormproof.suites.workflows.values.tables import (
    Record,
    numbers_in,
    numeric_fields,
    records_of,
    require_field,
)
from stormproof.suites.workflows.world import DATA, World


class Arguments(ToolArguments):
    """Arguments of `data_processing_aggregator`."""

    input: Input = None
    function: Annotated[
        Literal["count", "sum", "mean", "min", "max", "median"] | None,
        Meta(
            description="What to compute. Default: count, sum, mean, min and max of each "
            "numeric field."
        ),
    ] = None
    field: Annotated[str, Meta(description="The numeric field. Not needed for count.")] = ""
    group_by: Annotated[
        str,
        Meta(
            description="Field whose values make the groups. Default: one result over all records."
        ),
    ] = ""


@tool(
    Arguments,
    description="Computes sum, mean, count, min, max or median over records, as a whole or by "
    "group.",
    returns={
        "value": "a number; by group, a table with the group and function_field, such as "
        "sum_amount (count for count); without function, an object per field"
    },
    needs=("data_processing_parser",),
)
def data_processing_aggregator(world: World, arguments: Arguments) -> Made:
    """Computes sum, mean, count, min, max or median over records, as a whole or by group."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    if arguments.group_by:
        return Made(_by_group(records, arguments), "table")
    if arguments.function is None:
        return Made(_summary(records, arguments.field), "findings")
    return Made(_measure(records, arguments), "number")


def _by_group(records: list[Record], arguments: Arguments) -> list[Record]:
    """One record per group, in order of first appearance."""
    require_field(records, arguments.group_by)
    groups: dict[Any, list[Record]] = {}
    for record in records:
        key = record.get(arguments.group_by)
        groups.setdefault(as_json(key) if isinstance(key, dict | list) else key, []).append(record)
    name = _name(arguments)
    return [
        {arguments.group_by: group, name: _measure(members, arguments)}
        for group, members in groups.items()
    ]


def _name(arguments: Arguments) -> str:
    function = arguments.function or ("sum" if arguments.field else "count")
    return "count" if function == "count" else f"{function}_{arguments.field}"


def _measure(records: list[Record], arguments: Arguments) -> float | None:
    """The function over the records; by group, none means sum of a field, else count.

    The mean, median, least and greatest of no numbers is null.
    """
    function = arguments.function or ("sum" if arguments.field else "count")
    if function == "count" and not arguments.field:
        return len(records)
    if function == "count":
        require_field(records, arguments.field)
        return sum(record.get(arguments.field) is not None for record in records)
    if not arguments.field:
        raise invalid(f"Give the field to compute the {function} of: {_choices(records)}.")
    numbers = numbers_in(records, arguments.field) if records else []
    return total(numbers) if function == "sum" else _typical(function, numbers)


def _typical(function: str, numbers: list[int | float]) -> float | None:
    return tidy(_FUNCTIONS[function](numbers)) if numbers else None


def _summary(records: list[Record], field: str) -> Record:
    """Of each numeric field (or one): count, sum, mean, min, max."""
    summary: Record = {}
    for name in [field] if field else numeric_fields(records):
        numbers = numbers_in(records, name)
        each = {how: _typical(how, numbers) for how in ("mean", "min", "max")}
        summary[name] = {"count": len(numbers), "sum": total(numbers), **each}
    return summary


def _choices(records: list[Record]) -> str:
    return ", ".join(numeric_fields(records)) or "none is numeric"


_FUNCTIONS: dict[str, Callable[[list[int | float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}
