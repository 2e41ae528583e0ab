"""Arguments of tool calls, as models write them in any protocol: one reader for all.

JSON, nearly JSON, key=value, key: value lines, XML children; between tags, and in a native call.

Every reader is linear in its input and bounded in depth, so that no text can hang it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from stormproof.episode.json_values import TooDeep, read_json, read_whole
from stormproof.episode.nearly_json import KEY, LONGEST, Scanner, as_object, parsed, read_object

_MOST_CHILDREN = 64
_MOST_WRAPPERS = 3
ARGUMENT_KEYS = (
    "arguments", "parameters", "args", "params", "kwargs", "input", "action_input", "tool_input",
)  # fmt: skip
_BESIDE_ARGUMENTS = frozenset({"name", "tool", "tool_name", "function", "type", "id"})
_WRAPPERS = frozenset({*ARGUMENT_KEYS, *_BESIDE_ARGUMENTS})
_FENCE = re.compile(r"\s*```[\w+-]{0,20}[ \t]*\n?")
_LABEL = re.compile(
    r"[\s,.:*_-]{0,20}(?:with\s{1,3})?(?:the\s{1,3})?(?:default\s{1,3})?"
    r"(?:parameters?|arguments?|args|params|inputs?|action input)\b\**[ \t]*[:=]?\**[ \t]*",
    re.IGNORECASE,
)
# What may stand between a name and its arguments: separators of any make, a number of the call
# (`name:0`), a word or two, a fence, a token; only where a value begins right after.
_SEPARATORS = re.compile(
    r"(?:[^\w({\[<\"'\\]|_|\\[ntr]|(?<=:)\d{1,4}\b|\{\s{0,3}\}(?=\s{0,3}\{)|null(?=\s{0,3}\{)"
    r"|(?:json|with|using|and|the|arguments?|args|parameters?|params|inputs?|call)\b"
    r"|<[|\uff5c][^<>|\uff5c]{1,40}[|\uff5c]>"
    r"|</?(?:br|tool_call|arguments|parameters|args|params|input)\s?/?>(?=\s{0,9}\{)){1,40}"
    r"(?=[{<]|[\"'`]\s?\{|[(\[]\s?(?:[\"'{\[]|\w{1,60}\s?=))",
    re.IGNORECASE,
)
_OBJECT_NEAR = re.compile(r"[^\n{]{0,120}(?=\{\s{0,9}[\"'\u201c]\w)")
_CHILD = re.compile(
    r"<(?:param(?:eter)?\s{1,3}name\s?=\s?[\"']?|param(?:eter)?=)?([A-Za-z]\w{0,60})[\"']?"
    r"(?:\s(?:string|type)=[^<>]{1,20})?\s?>"
)
_POSITIONAL = re.compile(r"\s*[\"'{\[\d-]")
_CLOSERS = {"(": ")", "[": "]"}
_SOMETHING = re.compile(r"\w")
_NO_ARGUMENTS = re.compile(
    r"\W{0,9}(?:json\W{0,9})?\{\s{0,9}\}|(?:none|undefined)\Z", re.IGNORECASE
)


class Arguments(Struct, frozen=True):
    """What was read. `strict` is false where it had to be repaired to be a JSON object.

    `problem` says why nothing could be read, though something is there: then `values` is empty.
    `broken_off` is true where a quoted text in them has no end.
    """

    values: dict[str, Any]
    strict: bool
    problem: str = ""
    broken_off: bool = False


NOTHING = Arguments({}, strict=True)
LARGEST = 250_000  # characters of a native call's arguments, or of a JSON object in a text
_BLANK = "\\ \t\r\n"
_TOO_LARGE = Arguments(
    {}, strict=False, problem=f"the arguments are longer than {LARGEST:,} characters"
)


def read_arguments(text: str, properties: Mapping[str, Any]) -> Arguments:
    """Arguments at the start of `text`, which follows a tool's name; the rest is prose.

    `properties` are the tool's parameters: their order places positional values, their types
    tell a quoted number or object from a string where the notation quotes everything.
    """
    text = text[: _reach(text)].strip(_BLANK)
    if not text:
        return NOTHING
    escaped = "&quot;" in text and '"' not in text
    body = _begun(html.unescape(text) if escaped else text)
    if body[:1] == "{":
        return _object(body, properties, strict=body is text)
    if body[:1] in ('"', "'", "`") and body[1:].lstrip()[:1] == "{":  # encoded twice
        values = as_object(Scanner(body).value(0))
    elif body[:1] == "<":
        values = _children(body)
    else:
        values, _ = _pairs(body, properties)
    if not values and (near := _OBJECT_NEAR.match(body)):
        return _object(body[near.end() :], properties, strict=False)
    return Arguments(_fitting(values, properties), strict=False)


def _reach(text: str) -> int:
    """How far arguments are looked for: `LONGEST`, or the end of a longer object that is JSON.

    To cut that would leave an object that is nearly JSON, and less than what was written.
    """
    if len(text) > LONGEST:
        read = read_object(text[:LARGEST], len(text) - len(text.lstrip(_BLANK)))
        return max(LONGEST, read[1]) if read is not None else LONGEST
    return LONGEST


def read_native_arguments(text: str, properties: Mapping[str, Any]) -> Arguments:
    """The arguments of a native tool call: all of `text`, which should be a JSON object.

    Nothing is guessed at: what is there and cannot be read is the `problem`.
    """
    text = text.strip()
    if not text or len(text) > LARGEST:
        return _TOO_LARGE if text else NOTHING
    try:
        value = read_whole(text)
    except ValueError:
        return _nearly_native(text, properties)
    if isinstance(value, str) and value != text:
        return msgspec.structs.replace(read_native_arguments(value, properties), strict=False)
    alone = True
    while isinstance(value, list) and len(value) == 1:
        value, alone = value[0], False
    if value is None or value == []:
        return Arguments({}, strict=False)
    if not isinstance(value, dict):
        return Arguments({}, strict=False, problem="the arguments are not a JSON object")
    inside = unwrap(value, properties)
    return Arguments(inside, strict=alone and inside is value)


def _nearly_native(text: str, properties: Mapping[str, Any]) -> Arguments:
    read = read_arguments(text, properties)
    problem = read.problem
    if read.broken_off:
        problem = "the arguments break off inside a text"
    elif not read.values and not _NO_ARGUMENTS.match(text):
        problem = problem or "the arguments are not valid JSON"
    return Arguments({} if problem else read.values, strict=False, problem=problem)


def unwrap(values: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """`{"arguments": {…}}` is its inside, unless the tool has a parameter of that name.

    It may stand beside the tool's name, under any name where the inside is the tool's parameters,
    and be wrapped more than once.
    """
    for _ in range(_MOST_WRAPPERS):
        inside = _inside(values, properties)
        if inside is None:
            break
        values = inside
    return values


def _inside(values: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a wrapper holds; None where there is no wrapper."""
    held = [k for k, v in values.items() if k not in _BESIDE_ARGUMENTS or isinstance(v, dict)]
    if len(held) != 1 or any(key in properties for key in values):
        return None
    inside = values[held[0]]
    inside = inside[0] if isinstance(inside, list) and len(inside) == 1 else inside
    if held[0].lower() not in ARGUMENT_KEYS:
        is_dict = isinstance(inside, dict) and inside != {}
        return inside if is_dict and {*inside} <= {*properties, *_WRAPPERS} else None
    if isinstance(inside, str) and _SOMETHING.search(inside) and not as_object(inside):
        return None
    return as_object(inside) if isinstance(inside, dict | str) else None


def called(text: str, start: int, properties: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The arguments of a call written in brackets, which open at `start`, and where they end."""
    text = text[start : start + LONGEST]
    values, end = _pairs(text, properties)
    return _fitting(values, properties), start + end


def _begun(text: str) -> str:
    """The text from where its value begins, without separators, fences and labels before it."""
    separators = _SEPARATORS.match(text)
    if separators:
        return text[separators.end() :]
    text = _without(_FENCE, _without(_LABEL, _without(_FENCE, text)))
    separators = _SEPARATORS.match(text)
    return text[separators.end() :] if separators else text


def _without(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.match(text)
    return text[match.end() :].strip() if match else text


def _object(body: str, properties: Mapping[str, Any], *, strict: bool) -> Arguments:
    """The object at the start of `body`, strict where it is all of it and JSON."""
    if body[1:].lstrip()[:2] == '\\"':  # escaped as if it stood in a text
        body, strict = body.replace('\\"', '"'), False
    try:
        value, end = read_json(body)
    except TooDeep as error:
        return Arguments({}, strict=False, problem=f"the arguments are {error}")
    except ValueError:
        scanner = Scanner(body)
        values = unwrap(as_object(scanner.value(0)), properties)
        problem = ""
        if not values and _SOMETHING.search(body):
            problem = "the arguments cannot be read as a JSON object"
        return Arguments(values, strict=False, problem=problem, broken_off=scanner.broken_off)
    inside = unwrap(value, properties)
    return Arguments(inside, strict=strict and inside is value and end == len(body))


def _fitting(values: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The values as their parameters want them, from a notation that cannot say a type."""
    inside = unwrap(values, properties)
    return {key: _typed(value, properties.get(key)) for key, value in inside.items()}


def _pairs(text: str, properties: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """`(a=1, b="x")`, `[a=1]`, `a=1 b=2`, `- a: 1` lines; positional values in brackets.

    With where they end, the closing bracket included.
    """
    bracketed = text[:1] in ("(", "[")
    scanner = Scanner(text, 1 if bracketed else 0)
    closer = _CLOSERS[text[0]] if bracketed else ""
    if bracketed and scanner.peek() == "{":
        found = as_object(scanner.value(0))
        return found, _closed(scanner, closer)
    found = {}
    while match := KEY.match(text, scanner.at):
        scanner.at = match.end()
        colon = ":" in match.group()[-4:] and not bracketed
        value = scanner.line() if colon else scanner.value(0)
        if value != "":
            found[match.group(1)] = value
    if not found and bracketed and _POSITIONAL.match(text, scanner.at):
        items = scanner.items(closer, 0)
        return dict(zip(properties, items, strict=False)), scanner.at
    return found, _closed(scanner, closer)


def _closed(scanner: Scanner, closer: str) -> int:
    """Where the bracket ends, if it ends here."""
    while scanner.peek() == ",":
        scanner.at += 1
    return scanner.at + (scanner.peek() == closer != "")


def _children(text: str) -> dict[str, Any]:
    """`<a>1</a><b>x</b>`, in a `<parameters>` element or not, and `<parameter name="a">`.

    `<arg_key>a</arg_key><arg_value>1</arg_value>`, which is GLM's, is `<a>1</a>`.
    """
    found: dict[str, Any] = {}
    at, key = 0, ""
    for _ in range(_MOST_CHILDREN):
        match = _CHILD.search(text, at)
        if match is None:
            break
        name, start = match.group(1), match.end()
        closing = "parameter" if "=" in match.group() else name
        end = text.find(f"</{closing}", start)
        if end < 0 and closing == "parameter":
            end = text.find("</param", start)
        end = end if end >= 0 else _or_end(text.find("<", start), text)
        at = start if name.lower() in ARGUMENT_KEYS and "<" in text[start:end] else end
        if at != end:
            continue
        value = text[start:end].strip()
        if name == "arg_key":
            key = value
        else:
            found[key if name == "arg_value" and key else name] = value
    return found


def _or_end(at: int, text: str) -> int:
    return at if at >= 0 else len(text)


def _typed(value: Any, schema: Any) -> Any:
    """A text as the parameter's schema wants it, where the notation cannot say a type."""
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(value, str):
        return str(value) if wanted == "string" and isinstance(value, int | float) else value
    if wanted == "string" or (wanted is None and value[:1] not in ("{", "[")):
        return value
    return parsed(value)
