"""One tool call: arguments checked, work done, result stored under a handle."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from stormproof.domain.tasks import ToolResult
from stormproof.suites.workflows.tools.contract import Tool, ToolArguments
from stormproof.suites.workflows.values import ToolFault, invalid
from stormproof.suites.workflows.values.documents import sane, weighed
from stormproof.suites.workflows.values.numerics import too_large
from stormproof.suites.workflows.world import World

LONGEST_MESSAGE = 1_000  # characters of what a failed tool call says


def perform(tool: Tool, world: World, arguments: Mapping[str, Any]) -> ToolResult:
    """Run a tool. A fault of the arguments or the work is a result like any other.

    Raises whatever a bug in the tool raises.
    """
    name = tool.spec.name
    try:
        made = tool.work(world, checked(tool, world, arguments))
        world.bear(weighed(made.value))
    except ToolFault as fault:
        return _failure(tool, fault)
    except OverflowError:
        return _failure(tool, too_large())
    except ArithmeticError:  # what is worked on is sound: it is figures that do not go together
        return _failure(tool, ToolFault("CALCULATION_ERROR", "The result is undefined."))
    handle = world.keep(name, made.kind, made.value, made.source)
    return ToolResult(ok=True, value=made.value, handle=handle, message=made.note)


def _failure(tool: Tool, fault: ToolFault) -> ToolResult:
    """Its message may name what a model wrote, at any length."""
    code = fault.code if fault.code in tool.spec.errors else "OPERATION_FAILED"
    message = fault.message
    cut = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} …"
    return ToolResult(ok=False, error_code=code, message=cut)


def checked(tool: Tool, world: World, arguments: Mapping[str, Any]) -> ToolArguments:
    """Arguments as the tool's own type; the task's `defaults.json` fills what is left out.

    Numbers and booleans written as text are taken as what they say ("5", "true"); nothing else
    is coerced. Raises ToolFault (INVALID_INPUT) that says what is wrong.
    """
    fields = tool.arguments.__struct_fields__
    unknown = [name for name in arguments if name not in fields]
    if unknown:
        raise invalid(_unknown(unknown, fields))
    given, weight = sane({name: value for name, value in arguments.items() if value is not None})
    world.bear(weight)
    defaults = world.defaults(tool.spec.name)
    if defaults:
        given = {**defaults, **given}
    try:
        made = msgspec.convert(given, tool.arguments, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(_plain(str(error), tool)) from None
    for name in fields:
        if not _is_finite(getattr(made, name)):
            raise invalid(f"Expected a finite number - at `{name}`.")
    return made


def _is_finite(value: object) -> bool:
    """Texts such as "inf" are numbers to the reader of arguments."""
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _unknown(unknown: list[str], fields: tuple[str, ...]) -> str:
    mentions = []
    for name in unknown[:5]:
        close = difflib.get_close_matches(name[:60], fields, n=1)
        mentions.append(f"'{name[:60]}'" + (f" (did you mean '{close[0]}'?)" if close else ""))
    known = ", ".join(fields) or "none"
    return f"Unknown argument {', '.join(mentions)}. Arguments are: {known}."


def _plain(error: str, tool: Tool) -> str:
    """The reader's own words, with what would have been right."""
    text = error.replace("`$.", "`").replace("Object missing required field", "Missing argument")
    options = _options(error, tool.spec.parameters)
    right = f" It is one of {', '.join(options)}." if options else ""
    return f"{text}.{right} Arguments are: {', '.join(tool.arguments.__struct_fields__)}."


def _options(error: str, schema: Any) -> list[str]:
    """The choices at the place that an error names, such as `$.operations[...].op`."""
    _, _, place = error.rpartition("`$.")
    for name in re.findall(r"[A-Za-z]\w*", place):
        items = schema.get("items", schema)
        schema = items.get("properties", {}).get(name, {})
    return list(schema.get("enum", ())) if place else []
