"""Changes of a table's records, one operation after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from stormproof.suites.workflows.values import affordable, failed, invalid
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.numerics import is_number, number_in, tidy
from stormproof.suites.workflows.values.tabular import Record, fields_of, require_field

Op = Literal[
    "rename",
    "select",
    "drop",
    "compute",
    "convert",
    "sort",
    "limit",
    "deduplicate",
    "uppercase",
    "lowercase",
    "trim",
    "round",
    "normalise",
    "join",
    "append",
    "without",
]
OF_TWO_TABLES = ("join", "append", "without")
"""Operations that need a second table."""


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One change."""

    op: Annotated[Op, Meta(description="What to do.")]
    field: Annotated[str, Meta(description="The field to change, compute or sort by.")] = ""
    to: Annotated[str, Meta(description="rename: the new name. convert: number or text.")] = ""
    fields: Annotated[
        tuple[str, ...], Meta(description="select, drop, deduplicate, join, without: fields.")
    ] = ()
    table: Annotated[
        str, Meta(description="join, append, without: the other table's handle or path.")
    ] = ""
    expression: Annotated[str, Meta(description="compute: such as price * quantity.")] = ""
    descending: Annotated[bool, Meta(description="sort: greatest first.")] = False
    count: Annotated[int, Meta(description="limit: records to keep. round: digits.")] = 0


Work = Callable[[list[Record], Operation], list[Record]]


def check_work(records: list[Record], operations: Sequence[Operation]) -> None:
    """Raise ToolFault where the operations are more work than one tool call may do."""
    cells = sum(map(len, records))
    affordable(sum(cells + _steps_for_each(each) * len(records) for each in operations))


def _steps_for_each(operation: Operation) -> int:
    """Of each record, beside its own cells."""
    formula = compiled(operation.expression).parts if operation.expression else 0
    return len(operation.fields) + formula


def reshaped(
    records: list[Record], operation: Operation, other: list[Record] | None = None
) -> list[Record]:
    """The records after one operation, the given ones unchanged; `other` is the second table.

    Raises ToolFault where a field is missing or does not fit.
    """
    if other is not None:
        return _combined(records, operation, other)
    return _WORKS[operation.op](records, operation)


def _combined(records: list[Record], operation: Operation, other: list[Record]) -> list[Record]:
    """With the other table: more records, more fields, or only what it does not have."""
    if operation.op == "append":
        return records + other
    names = _fields(records, operation)
    for name in names if other else ():
        require_field(other, name)
    first: dict[str, Record] = {}
    for record in other:
        first.setdefault(_key(record, names), record)
    if operation.op == "without":
        return [r for r in records if _key(r, names) not in first]
    blank: Record = dict.fromkeys(fields_of(other))
    return [{**r, **blank, **first.get(_key(r, names), {}), **r} for r in records]  # own ones win


def _key(record: Record, names: Sequence[str]) -> str:
    return as_json([record.get(name) for name in names])


def _rename(records: list[Record], operation: Operation) -> list[Record]:
    old, new = _field(records, operation), _named(operation.to, "to (the new name)")
    return [{(new if n == old else n): v for n, v in r.items()} for r in records]


def _select(records: list[Record], operation: Operation) -> list[Record]:
    """The fields in the order asked for."""
    names = _fields(records, operation)
    return [{name: r.get(name) for name in names} for r in records]


def _drop(records: list[Record], operation: Operation) -> list[Record]:
    names = set(_fields(records, operation))
    return [{n: v for n, v in r.items() if n not in names} for r in records]


def _compute(records: list[Record], operation: Operation) -> list[Record]:
    name = _named(operation.field or operation.to, "field (the new field)")
    formula = compiled(_named(operation.expression, "expression"))
    if records:
        formula.check_names(fields_of(records))
    return [{**r, name: _made(formula.run(r))} for r in records]


def _convert(records: list[Record], operation: Operation) -> list[Record]:
    if operation.to not in ("number", "text"):
        raise invalid("convert needs to: number or text.")
    change = _as_number if operation.to == "number" else _as_text
    return _each(records, operation, change)


def _sort(records: list[Record], operation: Operation) -> list[Record]:
    """Numbers before texts, nulls last; stable."""
    name = _field(records, operation)
    known = [r for r in records if r.get(name) is not None]
    rest = [r for r in records if r.get(name) is None]
    known.sort(key=lambda r: _rank(r[name]), reverse=operation.descending)
    return known + rest


def _limit(records: list[Record], operation: Operation) -> list[Record]:
    if operation.count < 1:
        raise invalid("limit needs count: how many records to keep.")
    return records[: operation.count]


def _deduplicate(records: list[Record], operation: Operation) -> list[Record]:
    """The first record of each; without fields, records that are equal as a whole."""
    asked = operation.fields or operation.field
    names = _fields(records, operation) if asked else fields_of(records)
    first: dict[str, Record] = {}
    for record in records:
        first.setdefault(_key(record, names), record)
    return list(first.values())


def _round(records: list[Record], operation: Operation) -> list[Record]:
    digits = max(0, min(operation.count, 10))
    return _each(records, operation, lambda v: round(v, digits) if is_number(v) else v)


def _normalise(records: list[Record], _: Operation) -> list[Record]:
    names = {name: _snake(name) for name in fields_of(records)}
    return [{names[n]: _trimmed(v) for n, v in r.items()} for r in records]


def _texts(change: Callable[[str], str]) -> Work:
    def work(records: list[Record], operation: Operation) -> list[Record]:
        return _each(records, operation, lambda v: change(v) if isinstance(v, str) else v)

    return work


def _each(
    records: list[Record], operation: Operation, change: Callable[[Any], Any]
) -> list[Record]:
    """Change the named fields of every record; `trim` and its like without any change all."""
    asked = operation.fields or operation.field
    names = _fields(records, operation) if asked else fields_of(records)
    kept = set(names)
    return [{n: change(v) if n in kept else v for n, v in r.items()} for r in records]


def _field(records: list[Record], operation: Operation) -> str:
    name = _named(operation.field, "field")
    if records:
        require_field(records, name)
    return name


def _fields(records: list[Record], operation: Operation) -> tuple[str, ...]:
    names = operation.fields or (_named(operation.field, "fields"),)
    for name in names if records else ():
        require_field(records, name)
    return names


def _named(name: str, what: str) -> str:
    if not name:
        raise invalid(f"This operation needs {what}.")
    return name


def _made(value: Any) -> Any:
    return tidy(value) if is_number(value) else value


def _as_number(value: Any) -> Any:
    """A text's number, currency signs and thousands' commas aside."""
    if not isinstance(value, str):
        return value
    number = number_in(value.strip().strip("$€£% ").replace(",", ""))
    if number is None:
        raise failed(f"{value[:40]!r} is not a number.")
    return number


def _as_text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else as_json(value)


def _rank(value: Any) -> tuple[int, Any]:
    if is_number(value):
        return 0, value
    return (1, value) if isinstance(value, str) else (2, as_json(value))


def _snake(name: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+", "_", split).strip("_").lower() or name


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


_WORKS: dict[str, Work] = {
    "rename": _rename,
    "select": _select,
    "drop": _drop,
    "compute": _compute,
    "convert": _convert,
    "sort": _sort,
    "limit": _limit,
    "deduplicate": _deduplicate,
    "round": _round,
    "normalise": _normalise,
    "uppercase": _texts(str.upper),
    "lowercase": _texts(str.lower),
    "trim": _texts(str.strip),
}
