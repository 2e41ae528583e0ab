"""One tool call: arguments checked, work done, result stored under a handle."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec

from stormproof.domain.tasks import ToolResult
from stormproof.errors import SuiteError
from stormproof.suites.workflows.tools.contract import Tool, ToolArguments
from stormproof.suites.workflows.values import ToolFault, invalid
from stormproof.suites.workflows.values.documents import bounded, sane
from stormproof.suites.workflows.world import World


def perform(tool: Tool, world: World, arguments: Mapping[str, Any]) -> ToolResult:
    """Run a tool. A fault of the arguments or the work is a result like any other."""
    name = tool.spec.name
    try:
        made = tool.work(world, checked(tool, world, arguments))
        bounded(made.value)
    except ToolFault as fault:
        code = fault.code if fault.code in tool.spec.errors else "OPERATION_FAILED"
        return ToolResult(ok=False, error_code=code, message=fault.message)
    except Exception as error:
        raise SuiteError(
            f"{name} broke on {dict(arguments)!r:.500}: {error!r}", hint="this is a bug in the tool"
        ) from error
    handle = world.keep(name, made.kind, made.value, made.source)
    return ToolResult(ok=True, value=made.value, handle=handle)


def checked(tool: Tool, world: World, arguments: Mapping[str, Any]) -> ToolArguments:
    """Arguments as the tool's own type; the task's `defaults.json` fills what is left out.

    Numbers and booleans written as text are taken as what they say ("5", "true"); nothing else
    is coerced. Raises ToolFault (INVALID_INPUT) that says what is wrong.
    """
    fields = tool.arguments.__struct_fields__
    unknown = [name for name in arguments if name not in fields]
    if unknown:
        raise invalid(_unknown(unknown, fields))
    given = sane({name: value for name, value in arguments.items() if value is not None})
    defaults = world.defaults(tool.spec.name)
    if defaults:
        given = {**defaults, **given}
    try:
        return msgspec.convert(given, tool.arguments, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(_plain(str(error), tool)) from None


def _unknown(unknown: list[str], fields: tuple[str, ...]) -> str:
    mentions = []
    for name in unknown[:5]:
        close = difflib.get_close_matches(name[:60], fields, n=1)
        mentions.append(f"'{name[:60]}'" + (f" (did you mean '{close[0]}'?)" if close else ""))
    known = ", ".join(fields) or "none"
    return f"Unknown argument {', '.join(mentions)}. Arguments are: {known}."


def _plain(error: str, tool: Tool) -> str:
    text = error.replace("`$.", "`").replace("Object missing required field", "Missing argument")
    return f"{text}. Arguments are: {', '.join(tool.arguments.__struct_fields__)}."
