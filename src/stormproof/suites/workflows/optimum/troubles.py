"""What may befall a whole trial of a task: a tool that is down, or one that waits for another.

Each kind of trouble leaves another way. Under `outage` a tool of the solution is down that another
one stands in for, or whose work can be done by heart. Under `sticky` a tool works only after
another has been called, which its error text names; those others never stick themselves. One of
the first, the middle and the last tool of the solution is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from stormproof.domain.conditions import WeatherMode
from stormproof.domain.tasks import Task, Trouble
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.optimum.workflow import required_parts

STAND_INS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "data_processing_parser": ("file_operations_converter",),
        "data_processing_validator": ("network_validator", "computation_analyzer"),
        "network_validator": ("data_processing_validator",),
        "network_monitor": ("network_fetcher",),
        "file_operations_scanner": ("utility_helper", "file_operations_reader"),
        "integration_connector": ("utility_helper",),
        "integration_mapper": ("data_processing_transformer",),
        "computation_analyzer": ("data_processing_aggregator", "computation_calculator"),
        "computation_calculator": ("data_processing_transformer",),
    }
)
"""Tool → tools that do its work as well, perhaps in more calls."""

_LISTED = (
    "file_operations_scanner",
    "The list of files is out of date. Renew it with file_operations_scanner, then call again.",
)
_NOTED = (
    "utility_tracker",
    "No work is under way. Note one with utility_tracker, then call again.",
)
_LOGGED = (
    "utility_logger",
    "This tool wants its calls on record. Write an entry with utility_logger, then call again.",
)
_ASKED = (
    "utility_helper",
    "The workspace is not known yet. Ask utility_helper for it, then call again.",
)
_AWAITED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "file_operations": _LISTED,
        "data_processing": _NOTED,
        "network": _LOGGED,
        "computation": _NOTED,
        "integration": _ASKED,
        "utility": _LOGGED,
    }
)
"""Category → the tool that a tool of it waits for, and how it says so."""

_NEVER_STICK = frozenset(tool for tool, _ in _AWAITED.values())
_DOWN = "The tool is out of service, and stays so today."


def troubles(task: Task, weather: WeatherMode) -> tuple[Trouble, ...]:
    """The troubles of which each trial of the task has one; none under other weather."""
    if weather == "outage":
        return tuple(Trouble(tool, message=_DOWN) for tool in _replaceable(task))
    if weather == "sticky":
        tools = dict.fromkeys(step.tool for step in task.solution)
        return tuple(map(_waiting, _spread([t for t in tools if t not in _NEVER_STICK])))
    return ()


def _spread(tools: Sequence[str]) -> list[str]:
    """The first, the middle and the last: few, so that ceilings are soon worked out."""
    return list(dict.fromkeys((*tools[:1], *tools[len(tools) // 2 :][:1], *tools[-1:])))


@once_per_kind
def _replaceable(task: Task) -> tuple[str, ...]:
    """Tools of the solution that full success does not need, and others stand in for."""
    needed = {part.tool for part in required_parts(task)}
    tools = dict.fromkeys(step.tool for step in task.solution)
    return tuple(tool for tool in tools if tool in STAND_INS and tool not in needed)


def _waiting(tool: str) -> Trouble:
    category = next(category for category in _AWAITED if tool.startswith(f"{category}_"))
    return Trouble(tool, *_AWAITED[category])
