"""Tables: lists of records (objects), as CSV rows and JSON arrays are held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stormproof.suites.workflows.values import failed, invalid
from stormproof.suites.workflows.values.documents import MOST_RECORDS
from stormproof.suites.workflows.values.numerics import is_number

Record = dict[str, Any]
MOST_CELLS = 250_000  # of a table: its records times all its fields, whether filled or not


def is_table(value: Any) -> bool:
    """Whether a value is a list of records; the empty list is one."""
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def records_of(value: Any) -> list[Record]:
    """The records in a value: a table's own, those wrapped in an object, an object as one record.

    An object that holds exactly one table, as many services answer (`{"orders": [...]}`),
    stands for that table. Raises ToolFault for a text, which must be parsed first.
    """
    if isinstance(value, str):
        raise invalid(
            "This is unparsed text: parse it with data_processing_parser first, or have "
            "file_operations_converter make JSON of it."
        )
    if isinstance(value, dict):
        tables = [each for each in value.values() if each and is_table(each)]
        return _bounded(tables[0]) if len(tables) == 1 else [value]
    if isinstance(value, list):
        return _bounded([v if isinstance(v, dict) else {"value": v} for v in value])
    return [{"value": value}]


def fields_of(records: Iterable[Record]) -> list[str]:
    """All field names, in order of first appearance."""
    return list(dict.fromkeys(name for record in records for name in record))


def require_field(records: Sequence[Record], field: str) -> None:
    """Raise ToolFault (INVALID_INPUT) that names the fields, where no record has this one."""
    if not any(field in record for record in records):
        raise invalid(f"There is no field '{field}'. Fields are: {listed(fields_of(records))}.")


def numbers_in(records: Sequence[Record], field: str) -> list[int | float]:
    """The field's numbers, missing ones left out. Raises ToolFault where it holds anything else."""
    require_field(records, field)
    values = [v for record in records if (v := record.get(field)) is not None]
    strange = next((v for v in values if not is_number(v)), None)
    if strange is not None:
        raise invalid(f"Field '{field}' holds {str(strange)[:40]!r}, which is not a number.")
    return values


def numeric_fields(records: Sequence[Record]) -> list[str]:
    """Fields that hold numbers and nothing else (missing values aside)."""
    return [name for name in fields_of(records) if _is_numeric(records, name)]


def is_empty(value: Any) -> bool:
    """Whether a value is missing: null, or a blank text."""
    return value is None or (isinstance(value, str) and not value.strip())


def listed(names: Iterable[str]) -> str:
    """Names for a message, at most twenty."""
    shown = list(names)[:20]
    return ", ".join(shown) or "none"


def _is_numeric(records: Sequence[Record], name: str) -> bool:
    values = [v for record in records if (v := record.get(name)) is not None]
    return bool(values) and all(is_number(v) for v in values)


def _bounded(records: list[Record]) -> list[Record]:
    if len(records) > MOST_RECORDS:
        raise invalid(f"There are more than {MOST_RECORDS:,} records.")
    filled = sum(map(len, records))
    if len(records) * filled > MOST_CELLS:  # else there are fewer cells, whatever the fields
        check_cells(len(records), len(set().union(*records)))
    return records


def check_cells(records: int, fields: int) -> None:
    """Raise ToolFault for a table that a few long lines would blow up."""
    if records * fields > MOST_CELLS:
        raise failed(f"The table has more than {MOST_CELLS:,} cells.")
