"""CSV, JSON, JSON Lines and XML: text to values and back."""

from __future__ import annotations

import csv
import functools
import io
import re
from typing import Any, Literal

import msgspec

from stormproof.suites.workflows.values import failed, invalid
from stormproof.suites.workflows.values.documents import DEEPEST, LONGEST, as_json, read_json
from stormproof.suites.workflows.values.numerics import number_in
from stormproof.suites.workflows.values.tabular import (
    Record,
    check_cells,
    fields_of,
    is_table,
    records_of,
)

Format = Literal["csv", "json", "jsonl", "xml"]
_DELIMITERS = ",;\t|"
_ENDINGS: dict[str, Format] = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".xml": "xml"}
_LONGEST_KEPT = 10_000
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]")


def recognise(text: str) -> Format:
    """The format that a text is in: by its first character, and JSON Lines by its second line."""
    head = text.lstrip()[:1]
    if head == "<":
        return "xml"
    if head not in ("{", "["):
        return "csv"
    lines = text.strip().splitlines()
    several = len(lines) > 1 and all(line[:1] == "{" and line[-1:] == "}" for line in lines)
    return "jsonl" if several else "json"


def format_of(path: str) -> Format | None:
    """The format that a path's ending tells, if any."""
    return _ENDINGS.get("." + path.rpartition(".")[2].lower())


def parse(text: str, kind: Format, delimiter: str = "") -> Any:
    """The value of a text. Raises ToolFault where it is malformed, too long or too deep."""
    if len(text) > LONGEST:
        raise failed(f"The text is longer than {LONGEST:,} characters.")
    if kind == "json":
        return read_json(text)
    if kind == "jsonl":
        return [read_json(line) for line in text.splitlines() if line.strip()]
    if len(text) > _LONGEST_KEPT:
        return _read(text, kind, delimiter)
    known = _as_json(text, kind, delimiter)
    return _read(text, kind, delimiter) if known is None else _decode(known)


def _read(text: str, kind: Literal["csv", "xml"], delimiter: str) -> Any:
    return _read_xml(text) if kind == "xml" else _read_csv(text, delimiter)


@functools.lru_cache(maxsize=512)
def _as_json(text: str, kind: Literal["csv", "xml"], delimiter: str) -> bytes | None:
    """The value as JSON, out of which each caller gets a copy of its own; None where it has none.

    The same few files are read again and again, by models, prompt types and goal checks.
    """
    try:
        return _encode(_read(text, kind, delimiter))
    except ValueError:  # half an emoji
        return None


def render(value: Any, kind: Format | Literal["text"]) -> str:
    """The text of a value; texts stay as they are. Raises ToolFault where it cannot be."""
    if isinstance(value, str):
        return value
    if kind == "csv":
        return _write_csv(records_of(value))
    if kind == "jsonl":
        return "".join(as_json(record) + "\n" for record in records_of(value))
    if kind == "xml":
        return _write_xml(value)
    return as_json(value, indent=2) + "\n"


# --- CSV ----------------------------------------------------------------------------------


def _read_csv(text: str, delimiter: str) -> list[Record]:
    text = text.lstrip("\ufeff")
    first = text[: (text + "\n").index("\n")]
    parted = delimiter or max(_DELIMITERS, key=first.count)
    if len(parted) != 1 or parted in '"\r\n':
        raise invalid(f"A delimiter is one character, not {parted[:20]!r}.")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=parted) if row]
    except csv.Error as error:
        raise failed(f"This is not well-formed CSV: {error}.") from None
    if not rows:
        raise failed("The text is empty.")
    names = [name.strip() for name in rows[0]]
    check_cells(len(rows), len(names))
    return [_record(names, row, number) for number, row in enumerate(rows[1:], 2)]


def _record(names: list[str], row: list[str], number: int) -> Record:
    if len(row) > len(names):
        raise failed(f"Row {number} has {len(row)} cells, but there are {len(names)} columns.")
    cells = row + [""] * (len(names) - len(row))
    return {name: _typed(cell) for name, cell in zip(names, cells, strict=True)}


@functools.lru_cache(maxsize=8192)  # columns say few things many times
def _typed(cell: str) -> str | int | float | None:
    """Numbers as numbers, empty cells as null, all else as it stands."""
    if not cell:
        return None
    if cell[-1].isdigit() and (number := number_in(cell)) is not None:
        return number
    return cell


def _write_csv(records: list[Record]) -> str:
    names = fields_of(records)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(record.get(name)) for name in names] for record in records)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_json(value) if isinstance(value, dict | list) else value


# --- XML ----------------------------------------------------------------------------------


def _read_xml(text: str) -> Any:
    """A root whose children share a tag is a table of them; any other is an object."""
    from xml.etree.ElementTree import ParseError, fromstring  # noqa: PLC0415  with the parser

    from defusedxml import DefusedXmlException, ElementTree  # noqa: PLC0415  20 ms, seldom needed

    try:  # what declares nothing needs no guard, and Python's own parser costs a fifth
        root = (
            ElementTree.fromstring(text, forbid_dtd=True) if "<!" in text else fromstring(text)  # noqa: S314  nothing to expand
        )
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise failed(f"This is not well-formed XML: {error}.") from None
    tags = {child.tag for child in root}
    if len(tags) == 1 and all(len(child) or child.attrib for child in root):
        return [_element(child, DEEPEST) for child in root]
    return _element(root, DEEPEST)


def _element(element: Any, depth: int) -> Any:
    """A leaf is its text; any other an object of its attributes and children."""
    if not depth:
        raise failed(f"The XML is nested deeper than {DEEPEST} levels.")
    if not len(element) and not element.attrib:
        return _typed((element.text or "").strip())
    made: Record = {name: _typed(value) for name, value in element.attrib.items()}
    for child in element:
        value = _element(child, depth - 1)
        if child.tag not in made:
            made[child.tag] = value
        elif isinstance(made[child.tag], list):
            made[child.tag].append(value)
        else:
            made[child.tag] = [made[child.tag], value]
    text = (element.text or "").strip()
    return {**made, "text": _typed(text)} if text else made


def _write_xml(value: Any) -> str:
    tag, inner = ("records", {"record": value}) if is_table(value) else ("record", value)
    return "\n".join(_lines(tag, inner, 0)) + "\n"


def _lines(tag: str, value: Any, depth: int) -> list[str]:
    tag = _tag(tag)
    pad = "  " * depth
    if isinstance(value, list):
        return [line for each in value for line in _lines(tag, each, depth)]
    if isinstance(value, dict):
        inner = [line for name, each in value.items() for line in _lines(name, each, depth + 1)]
        return [f"{pad}<{tag}>", *inner, f"{pad}</{tag}>"]
    text = "" if value is None else str(_cell(value))
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return [f"{pad}<{tag}>{escaped}</{tag}>"]


def _tag(name: str) -> str:
    tag = _NOT_IN_TAGS.sub("_", name) or "field"
    return tag if tag[0].isalpha() or tag[0] == "_" else f"_{tag}"
