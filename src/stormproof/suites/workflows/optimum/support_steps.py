"""Useful tool calls that a task does not require: the dependencies of what it does require."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from stormproof.domain.tasks import Step, Task
from stormproof.suites.workflows.optimum.once_per_kind import once_per_kind
from stormproof.suites.workflows.tools import CATALOGUE, run_tool
from stormproof.suites.workflows.world import World

_SAMPLE = [{"sample": 1}]
_SAMPLES: dict[str, dict[str, Any]] = {
    "data_processing_parser": {"input": '[{"sample": 1}]'},
    "data_processing_transformer": {"input": _SAMPLE},
    "data_processing_aggregator": {"input": _SAMPLE},
    "network_validator": {"input": _SAMPLE},
    "computation_analyzer": {"input": _SAMPLE},
    "utility_logger": {"message": "under way"},
}
"""Arguments that work in every World: the weather asks for a success, not for a use of it."""

_WORDS = {
    "data_processing_parser": (
        "Parse the data, so that later steps find it in order",
        "the data at hand",
        "the data in parsed form",
    ),
    "data_processing_transformer": (
        "Tidy up names and texts, so that later steps can rely on them",
        "the data at hand",
        "the data, tidied up",
    ),
    "data_processing_aggregator": (
        "Sum up the records, so that the analysis can rely on the totals",
        "the data at hand",
        "a summary of the records",
    ),
    "network_validator": (
        "Check that the payload is ready to go out",
        "the data at hand",
        "a report on the payload",
    ),
    "network_monitor": (
        "Check that the addresses answer",
        "the known addresses",
        "a report on the addresses",
    ),
    "computation_analyzer": (
        "Look at the figures before they are told to anybody",
        "the data at hand",
        "a description of the figures",
    ),
    "integration_authenticator": (
        "Open a session with the service",
        "the credentials at hand",
        "a session with the service",
    ),
}


_TEXTS = ("file_operations_reader", "network_fetcher")
_RECORDS = ("data_processing_parser",)
_TAKES = {
    "data_processing_parser": _TEXTS,
    "data_processing_transformer": _RECORDS,
    "data_processing_aggregator": _RECORDS,
    "network_validator": (*_TEXTS, *_RECORDS),
    "computation_analyzer": _RECORDS,
}
"""Tool → those whose results it can work on when no input is named."""


@once_per_kind
def useful_tools(task: Task) -> tuple[str, ...]:
    """The dependencies, near and far, of the solution's tools that can succeed in this task."""
    used = {step.tool for step in task.solution}
    return tuple(t for t in closure(used) if t not in used and works_in(task, t))


def works_in(task: Task, tool: str) -> bool:
    """Whether the sample call of a tool succeeds in a task, with nothing done before."""
    step = sampled(tool)
    return tool in _SAMPLES or run_tool(World(task), step.tool, step.arguments).ok


def closure(tools: Iterable[str]) -> tuple[str, ...]:
    """All that the tools depend on, near and far, dependencies first."""
    found: dict[str, None] = {}

    def visit(tool: str) -> None:
        for need in CATALOGUE[tool].spec.needs:
            visit(need)
            found.setdefault(need)

    for tool in tools:
        visit(tool)
    return tuple(found)


def at_hand(tool: str, before: Iterable[Step]) -> Step:
    """A call of a tool on the data at hand, as its words say; on a sample where there is none.

    Of several texts the latest may be a note that nothing can parse.
    """
    step = sampled(tool)
    fitting = sum(each.tool in _TAKES.get(tool, ()) for each in before)
    is_there = fitting == 1 if tool == "data_processing_parser" else fitting > 0
    return replace(step, arguments={}) if is_there else step


@functools.cache
def sampled(tool: str) -> Step:
    """A call of a tool for its own sake, which works at any time."""
    purpose, reads, makes = _WORDS.get(tool, (CATALOGUE[tool].spec.description, "", ""))
    return Step(tool, _SAMPLES.get(tool, {}), purpose, reads, makes)
