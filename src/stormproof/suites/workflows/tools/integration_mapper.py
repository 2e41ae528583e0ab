"""Maps data to other fields."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.faults import invalid
from stormproof.suites.workflows.values.tables import Record, records_of
from stormproof.suites.workflows.world import DATA, World

MOST_FIELDS = 100
LONGEST_INDEX = 6


class Arguments(ToolArguments):
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


@tool(
    Arguments,
    description="Maps data to other fields: each target field is taken from a source path; nested"
    " data becomes flat.",
    returns={"value": "the mapped table or object"},
)
def integration_mapper(world: World, arguments: Arguments) -> Made:
    """Maps data to other fields."""
    mapping = arguments.mapping or {}
    if len(mapping) > MOST_FIELDS:
        raise invalid(f"At most {MOST_FIELDS} fields.")
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
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, joint, f"{prefix}{name}{joint}")
        else:
            flat[prefix + name] = value
    return flat
