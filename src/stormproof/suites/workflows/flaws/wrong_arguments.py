"""Arguments that look right and are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stormproof.domain.tasks import Step
from stormproof.suites.workflows.tools import CATALOGUE

_FILE = re.compile(r"(?P<stem>[^\s]*[\w-])(?P<ending>\.\w{1,5})")
_OPERATORS: Mapping[str, str] = MappingProxyType(
    {"==": "!=", "!=": "==", ">=": "<", "<=": ">", ">": "<", "<": ">", "*": "+", "+": "-"}
)
_OPERATOR = re.compile(r"==|!=|>=|<=|>|<|(?<= )[*+](?= )")
_TENFOLD = 10


def wrong_arguments(step: Step, most: int) -> dict[str, Any]:
    """The step's arguments with `most` of them wrong; a step without any gets one that is."""
    properties = CATALOGUE[step.tool].spec.parameters["properties"]
    if not step.arguments:
        return _uncalled_for(properties)
    wrong = {
        name: _wrong(value, properties.get(name, {}))
        for name, value in list(step.arguments.items())[:most]
    }
    return {**step.arguments, **wrong}


def _uncalled_for(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An argument where none was due: data that there is not."""
    if "input" in properties:
        return {"input": "data_processing_parser_9"}
    name = next(iter(properties), "input")
    return {name: "default"}


def _wrong(value: Any, schema: Mapping[str, Any]) -> Any:
    others = [choice for choice in schema.get("enum", ()) if choice != value]
    if others:
        return others[0]
    if isinstance(value, int | float):  # a bool too: the other one
        return not value if isinstance(value, bool) else value * _TENFOLD + 1
    if isinstance(value, str):
        return _wrong_text(value)
    if isinstance(value, list):
        return _wrong_list(value)
    if isinstance(value, dict) and value:
        return {name: _wrong(inner, {}) for name, inner in value.items()}
    return "default"


def _wrong_text(text: str) -> str:
    """Another file, the opposite condition, or a name that nothing has."""
    if _OPERATOR.search(text):
        return _OPERATOR.sub(lambda match: _OPERATORS[match.group()], text)
    if (match := _FILE.fullmatch(text)) and "://" not in text:
        return f"{match['stem']}_old{match['ending']}"
    if "://" in text:
        return text.rstrip("/") + "/legacy"
    return f"{text}_old" if text else "default"


def _wrong_list(values: list[Any]) -> list[Any]:
    """One entry less, where there are several; else the one entry wrong."""
    if len(values) > 1:
        return values[:-1]
    return [_wrong(value, {}) for value in values] or ["default"]
