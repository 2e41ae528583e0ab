"""Structured data: to parse, filter, aggregate, transform and validate it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    kind_of,
    reported,
    take,
    tool,
)
from stormproof.suites.workflows.values import invalid
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.formats import parse, recognise
from stormproof.suites.workflows.values.numerics import tidy, total
from stormproof.suites.workflows.values.reshaping import (
    OF_TWO_TABLES,
    Operation,
    check_work,
    reshaped,
)
from stormproof.suites.workflows.values.schemas import (
    named_in,
    required_faults,
    schema_faults,
    unique_faults,
)
from stormproof.suites.workflows.values.tabular import (
    Record,
    fields_of,
    is_empty,
    numbers_in,
    numeric_fields,
    records_of,
    require_field,
)
from stormproof.suites.workflows.world import DATA, Examination, World

# --- data_processing_aggregator ----------------------------------------------------------------


class AggregatorArguments(ToolArguments):
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
    returns={
        "value": "a number; by group, a table with the group and function_field, such as "
        "sum_amount (count for count); without function, an object per field"
    },
    needs=("data_processing_parser",),
)
def data_processing_aggregator(world: World, arguments: AggregatorArguments) -> Made:
    """Computes sum, mean, count, min, max or median over records, as a whole or by group."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    if arguments.group_by:
        return Made(_by_group(records, arguments), "table")
    if arguments.function is None:
        return Made(_summary(records, arguments.field), "findings")
    return Made(_measure(records, arguments), "number")


def _by_group(records: list[Record], arguments: AggregatorArguments) -> list[Record]:
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


def _name(arguments: AggregatorArguments) -> str:
    function = arguments.function or ("sum" if arguments.field else "count")
    return "count" if function == "count" else f"{function}_{arguments.field}"


def _measure(records: list[Record], arguments: AggregatorArguments) -> float | None:
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


# --- data_processing_filter --------------------------------------------------------------------


class FilterArguments(ToolArguments):
    """Arguments of `data_processing_filter`."""

    input: Input = None
    where: Annotated[
        str,
        Meta(
            description="Condition on a record's fields, such as amount > 100 and status == "
            "'paid'. It knows and, or, not, in, and arithmetic. Default: no field is empty."
        ),
    ] = ""


@tool(returns={"value": "the table of records kept"})
def data_processing_filter(world: World, arguments: FilterArguments) -> Made:
    """Keeps the records of a table that satisfy a condition."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    if not arguments.where:
        whole = [r for r in records if not any(is_empty(value) for value in r.values())]
        world.examined.append(Examination(records, frozenset(fields_of(records))))
        return Made(whole, "table")
    condition = compiled(arguments.where)
    condition.check_work(len(records))
    if records:
        condition.check_names(fields_of(records))
    return Made([r for r in records if condition.run(r)], "table")


# --- data_processing_parser --------------------------------------------------------------------


class ParserArguments(ToolArguments):
    """Arguments of `data_processing_parser`."""

    input: Input = None
    format: Annotated[
        Literal["csv", "json", "jsonl", "xml"] | None,
        Meta(description="The text's format. Default: recognised from the text."),
    ] = None
    delimiter: Annotated[
        str, Meta(description="What parts a CSV's cells. Default: recognised from its first line.")
    ] = ""


@tool(returns={"value": "a table (list of records) or an object"})
def data_processing_parser(world: World, arguments: ParserArguments) -> Made:
    """Parses CSV, JSON, JSON Lines or XML text into structured data."""
    taken = take(world, arguments.input, ("text",))
    if not isinstance(taken.value, str):
        return Made(taken.value, kind_of(taken.value), taken.source)  # it is structured already
    value = parse(taken.value, arguments.format or recognise(taken.value), arguments.delimiter)
    return Made(value, kind_of(value), taken.source)


# --- data_processing_transformer ---------------------------------------------------------------


MOST_OPERATIONS = 20


class TransformerArguments(ToolArguments):
    """Arguments of `data_processing_transformer`."""

    input: Input = None
    operations: Annotated[
        tuple[Operation, ...],
        Meta(
            description='What to do, in order, such as [{"op": "sort", "field": "price"}]. '
            "op is rename (field, to), select (fields), drop (fields), compute (field, expression, "
            "such as price * 1.2 or a if a > b else b), convert (field, to: number or text), sort "
            "(field, descending), limit (count), deduplicate (fields, or whole records), round "
            "(field, count), uppercase, lowercase, trim (fields), normalise, or one with a second "
            "table, given by its handle or path: join (table, fields: adds the fields of its first "
            "record with equal fields, null where none has), append (table: adds its records), "
            "without (table, fields: drops the records whose fields it has). Default: normalise, "
            "that is field names to snake_case and texts trimmed."
        ),
    ] = ()


@tool(returns={"value": "the changed table"}, needs=("data_processing_parser",))
def data_processing_transformer(world: World, arguments: TransformerArguments) -> Made:
    """Changes the records of a table: rename, select, drop, compute, sort, limit, deduplicate,
    convert, join, append, and text clean-up.
    """  # noqa: D205  one sentence, as models are shown it
    if len(arguments.operations) > MOST_OPERATIONS:
        raise invalid(f"At most {MOST_OPERATIONS} operations in one call.")
    records = records_of(take(world, arguments.input, DATA).value)
    operations = arguments.operations or [Operation(op="normalise")]
    check_work(records, operations)
    for operation in operations:
        records = reshaped(records, operation, _second_table(world, operation))
    return Made(records, "table")


def _second_table(world: World, operation: Operation) -> list[Record] | None:
    if operation.op not in OF_TWO_TABLES:
        return None
    if not operation.table:
        raise invalid(f"{operation.op} needs table: the other table's handle or path.")
    return records_of(take(world, operation.table, DATA).value)


# --- data_processing_validator -----------------------------------------------------------------


class ValidatorArguments(ToolArguments):
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
    returns={"value": "valid, faults (how many), errors (texts), checked (records)"},
    needs=("data_processing_parser",),
)
def data_processing_validator(world: World, arguments: ValidatorArguments) -> Made:
    """Checks data against a JSON Schema, required and unique fields, and reports what is wrong."""
    taken = take(world, arguments.input, DATA)
    records = records_of(taken.value)
    asked = arguments.schema or arguments.required or arguments.unique
    required = arguments.required if asked else fields_of(records)
    faults = required_faults(records, required) + unique_faults(records, arguments.unique)
    if arguments.schema:
        faults += schema_faults(taken.value, records, arguments.schema)
    filled = frozenset((*required, *named_in(arguments.schema)))
    world.examined.append(Examination(records, filled, frozenset(arguments.unique)))
    return reported(faults, checked=len(records))
