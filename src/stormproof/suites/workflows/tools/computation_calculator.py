"""Evaluates an arithmetic expression over numbers, an object's fields or a table's columns."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.faults import invalid
from stormproof.suites.workflows.values.numerics import is_number, number_in, total
from stormproof.suites.workflows.values.tables import (
    fields_of,
    is_table,
    numbers_in,
    numeric_fields,
    records_of,
)
from stormproof.suites.workflows.world import Kind, World

TAKES: tuple[Kind, ...] = ("number", "table", "object", "findings")


class Arguments(ToolArguments):
    """Arguments of `computation_calculator`."""

    expression: Annotated[
        str,
        Meta(
            description="Such as sum(amount) * 1.2 or round(value / 12, 2); value is a "
            "number given as "
            "input. Default: the sum of all numbers in the input."
        ),
    ] = ""
    input: Input = None


@tool(
    Arguments,
    description="Evaluates an arithmetic expression over numbers, an object's fields or a table's"
    " columns.",
    returns={"value": "a number"},
    needs=("data_processing_parser", "network_validator"),
)
def computation_calculator(world: World, arguments: Arguments) -> Made:
    """Evaluates an arithmetic expression over numbers, an object's fields or a table's columns."""
    if not arguments.expression:
        return Made(_sum_of_all(take(world, arguments.input, TAKES).value), "number")
    formula = compiled(arguments.expression)
    known = {}
    if formula.names:
        known = _names_in(take(world, arguments.input, TAKES).value)
        formula.check_names(known)
    made = formula.run(known)
    if not is_number(made):
        raise invalid(f"The expression gives {str(made)[:40]!r}, not a number.")
    return Made(made, "number")


def _names_in(value: Any) -> dict[str, Any]:
    """What an expression may name: an object's fields, a table's columns, a number as `value`."""
    if isinstance(value, str):
        number = number_in(value.strip())
        return {"value": value if number is None else number}
    if isinstance(value, list) or (isinstance(value, dict) and _wraps_table(value)):
        records = records_of(value)
        columns = {name: [r.get(name) for r in records] for name in fields_of(records)}
        scalars = value if isinstance(value, dict) else {}
        return {**scalars, **columns}
    return value if isinstance(value, dict) else {"value": value}


def _wraps_table(value: dict[str, Any]) -> bool:
    return sum(bool(each) and is_table(each) for each in value.values()) == 1


def _sum_of_all(value: Any) -> float:
    """The sum of all numbers in a value."""
    records = records_of(value)
    return total([n for name in numeric_fields(records) for n in numbers_in(records, name)])
