"""JSON Schemas that a model writes: compiled once, and only keywords that cost linear time.

References, regular expressions and `uniqueItems` are refused: a hostile schema must not hang
an episode, nor reach for the network.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from stormproof.suites.workflows.values import MOST_STEPS, affordable, invalid
from stormproof.suites.workflows.values.documents import as_json, read_json
from stormproof.suites.workflows.values.tabular import Record, is_empty, require_field

MOST_FAULTS = 10_000  # that are counted
MOST_FIELDS = 100
_LONGEST = 10_000
_SHORT = 40
_STEPS_PER_PART = 20  # a part of a schema applied once takes as long as so many cells
_CHARACTERS_PER_STEP = 25  # and writes what it was applied to into its complaint
_NESTED = {
    "properties": "each",
    "items": "one",
    "not": "one",
    "additionalProperties": "one",
    "anyOf": "all",
    "allOf": "all",
    "oneOf": "all",
}
_PLAIN = frozenset(
    {
        "type",
        "required",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "multipleOf",
        "title",
        "description",
        "default",
        "examples",
        "$schema",
        "$id",
    }
)


def schema_faults(value: Any, records: Sequence[Record], schema: dict[str, Any]) -> list[str]:
    """What is wrong: the whole value for a schema of an array, else record by record."""
    check = _checker(as_json(schema))
    whole = [value] if schema.get("type") == "array" else records
    _check_work(whole, schema)
    if schema.get("type") == "array":
        return [_located("", error) for error in check(value)]
    found: list[str] = []
    for number, record in enumerate(records, 1):
        found += [_located(_record(number, record), error) for error in check(record)]
        if len(found) >= MOST_FAULTS:
            break
    return found[:MOST_FAULTS]


def _check_work(values: Sequence[Any], schema: dict[str, Any]) -> None:
    """Raise ToolFault where the check is more work than one tool call may do."""
    parts = as_json(schema).count("{")
    affordable(parts * len(as_json(values)) // _CHARACTERS_PER_STEP)
    most = MOST_STEPS // _STEPS_PER_PART
    applied = chain.from_iterable(_applied(schema, value) for value in values)
    affordable(_STEPS_PER_PART * sum(1 for _ in islice(applied, most + 1)))


def _applied(schema: Any, value: Any) -> Iterator[None]:
    """Once for each time that a part of the schema is applied to a part of the value."""
    yield
    for keyword, inner in schema.items() if isinstance(schema, dict) else ():
        if keyword == "properties" and isinstance(value, dict):
            for name in inner.keys() & value.keys():
                yield from _applied(inner[name], value[name])
        elif keyword in ("items", "additionalProperties"):
            for each in _inner(keyword, value):
                yield from _applied(inner, each)
        elif keyword not in ("properties", "items"):
            for each in _subschemas(_NESTED.get(keyword), inner):
                yield from _applied(each, value)


def _inner(keyword: str, value: Any) -> Iterable[Any]:
    """The parts of a value that a keyword may apply its schema to."""
    if keyword == "items":
        return value if isinstance(value, list) else ()
    return value.values() if isinstance(value, dict) else ()


def required_faults(records: Sequence[Record], fields: Sequence[str]) -> list[str]:
    """Records in which one of these fields is missing or empty."""
    wanted = _few(fields)
    found = (
        f"{_record(number, record)}{field} is missing"
        for number, record in enumerate(records, 1)
        for field in wanted
        if is_empty(record.get(field))
    )
    return list(islice(found, MOST_FAULTS))


def unique_faults(records: Sequence[Record], fields: Sequence[str]) -> list[str]:
    """Records that repeat an earlier value of one of these fields."""
    found: list[str] = []
    for field in _few(fields):
        require_field(records, field)
        first: dict[str, int] = {}
        for number, record in enumerate(records, 1):
            before = first.setdefault(as_json(record.get(field)), number)
            if before != number:
                what = f"{field} repeats that of record {before}"
                found.append(_record(number, record) + what)
    return found[:MOST_FAULTS]


def named_in(schema: Mapping[str, Any] | None) -> Iterable[str]:
    """The fields that a schema of records, or of a list of them, asks for."""
    items = (schema or {}).get("items")
    whole = items if isinstance(items, dict) else schema or {}
    required, properties = whole.get("required"), whole.get("properties")
    names = [*(required if isinstance(required, list) else ()), *(properties or ())]
    return [name for name in names if isinstance(name, str)]


def _record(number: int, record: Record) -> str:
    """Which record: its place from 1, and what it begins with, mostly its id."""
    name, value = next(iter(record.items()), ("", None))
    first = f"{name} {value}"
    named = f" ({first})" if isinstance(value, str | int) and len(first) <= _SHORT else ""
    return f"record {number}{named}: "


def _few(fields: Sequence[str]) -> Sequence[str]:
    if len(fields) > MOST_FIELDS:
        raise invalid(f"At most {MOST_FIELDS} fields.")
    return fields


@functools.lru_cache(maxsize=64)
def _checker(schema: str) -> Any:
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415  80 ms, seldom needed

    if len(schema) > _LONGEST:
        raise invalid(f"A schema has at most {_LONGEST:,} characters.")
    read = read_json(schema)
    _refuse_costly(read)
    try:
        Draft202012Validator.check_schema(read)
    except SchemaError as error:
        raise invalid(f"This is not a JSON Schema: {error.message[:200]}.") from None
    return Draft202012Validator(read).iter_errors


def _refuse_costly(schema: Any) -> None:
    if not isinstance(schema, dict):
        return
    for keyword, inner in schema.items():
        how = _NESTED.get(keyword)
        if how is None and keyword not in _PLAIN:
            raise invalid(f"The schema keyword '{keyword[:40]}' is not supported.")
        for each in _subschemas(how, inner):
            _refuse_costly(each)


def _subschemas(how: str | None, inner: Any) -> list[Any]:
    if how == "one":
        return [inner]
    if how == "each" and isinstance(inner, dict):
        return list(inner.values())
    return inner if how == "all" and isinstance(inner, list) else []


def _located(where: str, error: Any) -> str:
    at = ".".join(str(part) for part in error.path)
    return f"{where}{at + ': ' if at else ''}{error.message[:160]}"
