"""JSON as the suite keeps it: finite numbers of usual size, bounded depth, bounded length."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from stormproof.suites.workflows.values import ToolFault, failed, invalid

LONGEST = 1_000_000  # characters of a text that a tool works on
LARGEST = 2_000_000  # bytes of a result as JSON
LARGEST_ARGUMENTS = 250_000  # bytes of a tool call's arguments as JSON
# About what a parsed value takes for each object, list and part, beside the characters of its JSON.
_OBJECT, _LIST, _PART = 240, 72, 64
DEEPEST = 32
_LONG_NUMBER = re.compile(r"\d{19}")
_BITS = 63
MOST_RECORDS = 5_000

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ToolFault where it is malformed, too long or too deep."""
    if len(text) > LONGEST:
        raise failed(f"The text is longer than {LONGEST:,} characters.")
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise failed(f"This is not well-formed JSON: {error}.") from None
    return _within(value, DEEPEST) if _suspect(text) else value


def _suspect(text: str | bytes) -> bool:
    """Whether a text may be nested too deep or hold a huge integer: seldom, and seen quickly."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    return text.count("[") + text.count("{") > DEEPEST or bool(_LONG_NUMBER.search(text))


def as_json(value: Any, *, indent: int = 0) -> str:
    """The JSON text of a value, fields in their order."""
    raw = _encode(value)
    return (msgspec.json.format(raw, indent=indent) if indent else raw).decode()


def sane(value: Any) -> tuple[Any, int]:
    """A copy of what a model wrote, as JSON would carry it, and its weight.

    Raises ToolFault where JSON cannot carry it, or may not: it is bounded in size and depth.
    """
    try:
        raw = _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise invalid("The arguments are not JSON.") from None
    if len(raw) > LARGEST_ARGUMENTS:
        raise invalid(f"The arguments are longer than {LARGEST_ARGUMENTS:,} bytes.")
    try:
        return read_json(raw), _weight(raw)
    except ToolFault as fault:  # too deep, too large a number: the caller's doing, not the tool's
        raise invalid(fault.message) from None


def weighed(value: Any) -> int:
    """About how many bytes of memory a result takes.

    Raises ToolFault where it is too large to keep: shared parts multiply call by call.
    """
    try:
        raw = _encode(value)
    except RecursionError:
        raise failed("The result is nested too deep.") from None
    if len(raw) > LARGEST:
        raise failed(f"The result is larger than {LARGEST:,} bytes.")
    return len(raw) if isinstance(value, str) else _weight(raw)


def _weight(raw: bytes) -> int:
    return len(raw) + _OBJECT * raw.count(b"{") + _LIST * raw.count(b"[") + _PART * raw.count(b",")


def _within(value: Any, depth: int) -> Any:
    """The value, when it is not nested deeper than `depth` and its integers fit in 64 bits."""
    if isinstance(value, dict | list):
        if not depth:
            raise failed(f"The data is nested deeper than {DEEPEST} levels.")
        for each in value.values() if isinstance(value, dict) else value:
            if not isinstance(each, str):  # most of what there is
                _within(each, depth - 1)
    elif isinstance(value, int) and value.bit_length() > _BITS:
        raise failed("The data holds an integer of more than 64 bits.")
    return value
