"""What a model is shown after its turn: short, true, and never a hint at the required tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from stormproof.domain.conditions import Protocol
from stormproof.domain.tasks import Execution, ToolSpec
from stormproof.episode.tool_calls import RecognisedCall
from stormproof.suites.workflows import WORKFLOWS

LONGEST_VALUE = 2_000
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _forms(call: str) -> str:
    return (
        "No action was found in your message. Write one of these:\n"
        f"<tool_call>{call}</tool_call> to call a tool\n"
        "<tool_search>what you need</tool_search> to find tools\n"
        "<tool_info>name</tool_info> to read about a tool\n"
        f"{WORKFLOWS.completion_phrase}, and no tag, when the task is done"
    )


NOT_UNDERSTOOD: dict[Protocol, str] = {
    "text": _forms('name {"argument": "value"}'),
    "hermes": _forms('{"name": "name", "arguments": {"argument": "value"}}'),
    "native": (
        "No action was found in your message. Call a function, "
        f"or answer {WORKFLOWS.completion_phrase} when the task is done."
    ),
}
UNREADABLE = "The call names no tool. Write the tool's own name where the name belongs."


def executed(execution: Execution, value: Any) -> str:
    """The result of a tool call: its value and handle, or its error code and text."""
    if not execution.ok:
        return f"{execution.tool} failed. {execution.error_code}: {execution.message}".rstrip()
    text = f"{execution.tool} succeeded."
    if execution.handle:
        text += f" Its result is stored as {execution.handle}."
    if execution.message:
        text += f" {execution.message}"
    return f"{text}\n{shown(value)}" if value is not None else text


def shown(value: Any) -> str:
    """A value as JSON (a text as it is), cut to `LONGEST_VALUE` characters, saying so."""
    text = value if isinstance(value, str) else _encode(value).decode()
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]} … (cut: these are {LONGEST_VALUE} of {len(text)} characters)"


def unknown_tool(call: RecognisedCall) -> str:
    """Why a name could not be taken for a tool."""
    if len(call.candidates) > 1:
        return f"'{call.written}' could mean {', '.join(call.candidates)}. Write the whole name."
    return f"There is no tool named '{call.written}'."


def found(query: str, specs: Iterable[ToolSpec]) -> str:
    """Search results: a line of purpose and one of parameters for each tool."""
    lines = [f"{spec.name}: {spec.description}\n  {_signature(spec)}" for spec in specs]
    return "\n".join(
        [f"Tools found for '{query}':", *lines] if lines else [f"No tool for '{query}'."]
    )


def described(spec: ToolSpec) -> str:
    """All that a model may know of a tool."""
    parameters = spec.parameters.get("properties", {})
    required = spec.parameters.get("required", ())
    lines = [f"{spec.name} ({spec.category}): {spec.description}", "Parameters:"]
    lines += [_parameter(name, schema, name in required) for name, schema in parameters.items()]
    lines += ["Returns:", *(f"  {name}: {text}" for name, text in spec.returns.items())]
    lines.append(f"Errors: {', '.join(spec.errors)}")
    if spec.needs:
        lines.append(f"More reliable after: {', '.join(spec.needs)}")
    return "\n".join(lines)


def _signature(spec: ToolSpec) -> str:
    required = spec.parameters.get("required", ())
    names = spec.parameters.get("properties", {})
    return "arguments: " + (
        ", ".join(n if n in required else f"{n} (optional)" for n in names) or "none"
    )


def _parameter(name: str, schema: dict[str, Any], required: bool) -> str:  # noqa: FBT001  one caller
    kind = schema.get("type", "any")
    need = "required" if required else "optional"
    return f"  {name} ({kind}, {need}): {schema.get('description', '')}".rstrip(": ")
