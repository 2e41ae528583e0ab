"""Steps whose arguments are wrong, and whose words say the same wrong thing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from stormproof.domain.tasks import Step
from stormproof.suites.workflows.flaws.neighbours import (
    Slip,
    Surroundings,
    near_number,
    restated,
    slip_in,
)
from stormproof.suites.workflows.tasks.wording import plain
from stormproof.suites.workflows.tools import CATALOGUE

_FIXED = frozenset({"op", "table"})  # what a nested argument is, rather than what it says
_NOWHERE = "data_processing_parser_9"
_FUNCTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "count": ("Count them", "their number"),
        "max": ("Find the greatest", "the greatest"),
        "mean": ("Take the mean", "the mean"),
        "median": ("Find the one in the middle", "the median"),
        "min": ("Find the least", "the least"),
        "sum": ("Add it all up", "the total"),
    }
)
"""Aggregator's function → purpose and makes: no word of these can be exchanged for another."""


def erring(step: Step, most: int, world: Surroundings) -> tuple[Step, tuple[Slip, ...]]:
    """The step with `most` of its arguments wrong, in words too, and the slips that were made.

    Each wrong argument has one slip. A step without any argument gets one that is not due.
    """
    properties = CATALOGUE[step.tool].spec.parameters["properties"]
    if not step.arguments:
        return _uncalled_for(step, properties), ()
    arguments, slips = dict(step.arguments), []
    for name in _open(step)[:most]:
        arguments[name], slip = _wrong(arguments[name], properties.get(name, {}), world)
        slips += [slip] if slip else []
    wrong = restated(replace(step, arguments=arguments), slips)
    return _of_function(wrong) if "function" in _open(step)[:most] else wrong, tuple(slips)


def _open(step: Step) -> list[str]:
    """The arguments that the prompt shows, those that say what is wanted before what it is of."""
    shown = [name for name in step.arguments if not (name == "message" and step.after)]
    return sorted(shown, key=lambda name: name == "input")


def _of_function(step: Step) -> Step:
    purpose, makes = _FUNCTIONS[step.arguments["function"]]
    if "group_by" in step.arguments:
        return step
    return replace(step, purpose=purpose, makes=makes)


def _uncalled_for(step: Step, properties: Mapping[str, Any]) -> Step:
    """An argument where none was due: data that there is not."""
    if "input" in properties:
        return replace(step, arguments={"input": _NOWHERE}, reads=_NOWHERE)
    return replace(step, arguments={next(iter(properties), "input"): "default"})


def _wrong(value: Any, schema: Mapping[str, Any], world: Surroundings) -> tuple[Any, Slip | None]:
    """Another value, and the slip that words about it need too."""
    if isinstance(value, bool):
        return not value, None
    if isinstance(value, int | float):
        other = near_number(value)
        return other, Slip(plain(value), plain(other))
    if isinstance(value, str):
        slip = slip_in(value, schema, world)
        return (slip.on(value), slip) if slip else ("default", None)
    if isinstance(value, list | tuple):
        return _wrong_list(list(value), world)
    if isinstance(value, dict):
        return _wrong_parts(value, world)
    return "default", None


def _wrong_list(values: list[Any], world: Surroundings) -> tuple[Any, Slip | None]:
    """One name less, where there are several; else a slip in the last entry."""
    if not values:
        return ["default"], None
    if len(values) > 1 and all(isinstance(value, str) for value in values):
        return values[:-1], None
    other, slip = _wrong(values[-1], {}, world)
    return [*values[:-1], other], slip


def _wrong_parts(values: Mapping[str, Any], world: Surroundings) -> tuple[Any, Slip | None]:
    """A slip in the last part that says what is wanted."""
    told = [name for name in values if name not in _FIXED] or [n for n in values if n != "op"]
    if not told:
        return {**values, "fields": ["default"]}, None
    other, slip = _wrong(values[told[-1]], {}, world)
    return {**values, told[-1]: other}, slip
