"""What a tool is: a typed function on the World with a spec made from its arguments' type.

    class ReaderArguments(ToolArguments):
        path: Annotated[str, Meta(description="The file to read.")] = ""

    @tool(returns={"value": "its text"})
    def file_operations_reader(world: World, arguments: ReaderArguments) -> Made:
        '''Reads a file.'''
        ...

A tool that cannot do its work raises `ToolFault`; `run_tool` turns it into a `ToolResult`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, Struct, structs

from stormproof.domain.tasks import ToolSpec
from stormproof.errors import SuiteError
from stormproof.suites.workflows.values import invalid
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.formats import parse, recognise
from stormproof.suites.workflows.values.tabular import is_table
from stormproof.suites.workflows.world import PAYLOAD, Kind, Result, World

CATEGORIES = (
    "file_operations",
    "data_processing",
    "network",
    "computation",
    "integration",
    "utility",
)
LONGEST_LINE = 1_000
MOST_ERRORS = 20  # that a report tells; it counts them all
LONGEST_NAME = 200
_NAME = re.compile(r"[A-Za-z]\w*_\w+|\w+://\S+|[\w.-]*/[\w./-]*|[\w-]+\.(?:csv|json|jsonl|xml|txt)")
_MARKS = "${}<>`'\" "  # as in ${handle}, {{handle}}, <handle>
COMMON = ("INVALID_INPUT", "OPERATION_FAILED", "TIMEOUT")
FILES = (*COMMON, "FILE_NOT_FOUND", "ACCESS_DENIED", "PERMISSION_DENIED")
NETWORK = (*COMMON, "UNAUTHORIZED", "NETWORK_ERROR", "INVALID_RESPONSE")
COMPUTATION = (*COMMON, "CALCULATION_ERROR", "OVERFLOW")
ERRORS = {"file_operations": FILES, "network": NETWORK, "computation": COMPUTATION}


class ToolArguments(Struct):
    """Base of every tool's arguments. Unknown names are refused by `run_tool`."""


Input = Annotated[
    Any,
    Meta(
        description="Handle of an earlier result, such as data_processing_parser_1, "
        "or the data itself. Default: the latest fitting result."
    ),
]


class Made(Struct, frozen=True):
    """What a tool made. `source` is the path or address that the data came from.

    `note` is a sentence that nobody should overlook, said before the value.
    """

    value: Any
    kind: Kind
    source: str = ""
    note: str = ""


A = TypeVar("A", bound=ToolArguments)


class Tool(Struct, frozen=True):
    """A tool of the catalogue: what a model may know of it, and how it works."""

    spec: ToolSpec
    arguments: type[ToolArguments]
    work: Callable[[World, Any], Made]


def tool(
    *, returns: dict[str, str], needs: tuple[str, ...] = ()
) -> Callable[[Callable[[World, A], Made]], Tool]:
    """Make a Tool of a function named `<category>_<operation>`.

    The function says each thing once: its docstring is the tool's description, and the type of its
    `arguments` gives the parameters. Raises SuiteError where there is no docstring.
    """

    def make(work: Callable[[World, A], Made]) -> Tool:
        name = work.__name__
        category = next(c for c in CATEGORIES if name.startswith(c + "_"))
        arguments = get_type_hints(work)["arguments"]
        spec = ToolSpec(
            name=name,
            category=category,
            description=_description(work),
            parameters=parameters_of(arguments),
            returns=returns,
            errors=ERRORS.get(category, COMMON),
            needs=needs,
        )
        return Tool(spec, arguments, work)

    return make


def _description(work: Callable[..., Made]) -> str:
    """The docstring, on one line."""
    if not work.__doc__:
        raise SuiteError(
            f"the tool {work.__name__} has no docstring, and models are shown that",
            hint="write one; and run Python without -OO, which strips them",
        )
    return " ".join(work.__doc__.split())


def parameters_of(arguments: type[ToolArguments]) -> dict[str, Any]:
    """The JSON Schema of a type of arguments: self-contained, and short for a model to read."""
    (whole,), definitions = msgspec.json.schema_components([arguments])
    schema: dict[str, Any] = _short(whole, definitions)
    for parameter in schema["properties"].values():
        parameter["description"] = _in_words(parameter)
    return {name: schema[name] for name in ("type", "properties", "required")} | {
        "additionalProperties": False
    }


def _in_words(parameter: dict[str, Any]) -> str:
    """A description with the choices and the default: some readers see nothing else."""
    text, mark, default = parameter["description"].partition(" Default:")
    if "enum" in parameter:
        text += f" One of {', '.join(parameter['enum'])}."
    if not mark and "default" in parameter:
        return f"{text} Default: {as_json(parameter['default'])}."
    return f"{text}{mark}{default}"


def _short(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references, titles, null alternatives and empty defaults; enums have a type."""
    if isinstance(schema, list):
        return [_short(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        about = {k: v for k, v in target.items() if k != "description"}
        return _short({**about, **_without(schema, "$ref")}, definitions)
    if "anyOf" in schema:
        (only,) = (each for each in schema["anyOf"] if each.get("type") != "null")
        return _short({**_without(schema, "anyOf"), **only}, definitions)
    if None in schema.get("enum", ()):
        schema = {**schema, "enum": [each for each in schema["enum"] if each is not None]}
    typed = {"type": "string"} if "enum" in schema else {}
    kept = {k: v for k, v in schema.items() if k != "title" and not (k == "default" and not v)}
    return typed | {k: _short(v, definitions) for k, v in kept.items()}


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in schema.items() if k != key}


def take(world: World, given: Any, kinds: tuple[Kind, ...] = PAYLOAD) -> Result:
    """The data that a tool call works on: what it names or holds, else the latest fitting result.

    A text names a handle, a tool (its newest result) or a path or address already read; any
    other text that looks like a name is refused, all else is the data itself. A tool that does
    not work on text reads JSON text as what it says.
    """
    found = _named_or_latest(world, given, kinds)
    return found if found.kind != "text" or "text" in kinds else _read(found)


def _named_or_latest(world: World, given: Any, kinds: tuple[Kind, ...]) -> Result:
    if given is None or given == "":
        latest = world.latest(kinds)
        if latest is None:
            raise invalid(f"There is no {_listed(kinds)} yet to work on. {known_handles(world)}")
        return latest
    if isinstance(given, str):
        name = given.strip(_MARKS) if len(given) <= LONGEST_NAME else given
        found = world.named(name)
        if found is not None:
            return found
        _refuse_name(world, name)
    return Result("", "", kind_of(given), given)


def _read(found: Result) -> Result:
    """JSON text's value in its place; any other text as it is."""
    form = recognise(found.value)
    if form not in ("json", "jsonl"):
        return found
    value = parse(found.value, form)
    return structs.replace(found, kind=kind_of(value), value=value)


def reported(faults: Sequence[str], **figures: int) -> Made:
    """What a check found: plainly, and fit to decide on."""
    valid, many = not faults, len(faults)
    value = {"valid": valid, "faults": many, "errors": list(faults[:MOST_ERRORS]), **figures}
    note = "The check found nothing wrong." if valid else f"NOT VALID: the check found {many} "
    return Made(value, "report", note=note if valid else f"{note}fault{'s' * (many > 1)}.")


def known_handles(world: World) -> str:
    """A sentence that names the results so far."""
    names = ", ".join(list(world.results)[-8:])
    return f"Results so far: {names}." if names else "There are no results so far."


def kind_of(value: Any) -> Kind:
    """What kind of data a value is."""
    if isinstance(value, str):
        return "text"
    if is_table(value):
        return "table"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "object"


def _refuse_name(world: World, name: str) -> None:
    """Refuse what can only be a name that nothing has: to store it as data would hide a mistake."""
    if name in world.files:
        raise invalid(f"{name} has not been read yet: call file_operations_reader on it first.")
    if name in world.resources:
        raise invalid(f"{name} has not been fetched yet: call network_fetcher on it first.")
    if len(name) <= LONGEST_NAME and _NAME.fullmatch(name):
        raise invalid(f"There is no result called {name}. {known_handles(world)}")


def in_short(result: Result) -> str:
    """A line that tells a result: its name, if it has one, and its data, cut where it is long."""
    text = result.value if isinstance(result.value, str) else as_json(result.value)
    cut = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} …"
    return f"{result.handle}: {cut}" if result.handle else cut


def _listed(kinds: tuple[Kind, ...]) -> str:
    return " or ".join(kinds)
