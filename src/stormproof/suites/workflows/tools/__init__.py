"""The catalogue: 30 tools in six categories, a file each.

Every tool that stands in a category's file is in the catalogue; there is no list to keep.
`docs/adding-a-tool.md` says how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stormproof.domain.tasks import ToolResult
from stormproof.errors import SuiteError
from stormproof.suites.workflows.tools import (
    computation,
    data_processing,
    file_operations,
    integration,
    network,
    utility,
)
from stormproof.suites.workflows.tools.calling import perform
from stormproof.suites.workflows.tools.contract import CATEGORIES, Tool
from stormproof.suites.workflows.world import World

__all__ = ["CATALOGUE", "CATEGORIES", "Tool", "run_tool"]

_FILES = (file_operations, data_processing, network, computation, integration, utility)

CATALOGUE: Mapping[str, Tool] = MappingProxyType(
    {
        name: found
        for file in _FILES
        for name, found in vars(file).items()
        if isinstance(found, Tool)
    }
)
"""Tool name → tool, category by category, each in its file's order."""


def run_tool(world: World, name: str, arguments: Mapping[str, Any]) -> ToolResult:
    """Run a catalogue tool on the world. Never raises for what a model wrote.

    Raises SuiteError for a name that is not in the catalogue.
    """
    found = CATALOGUE.get(name)
    if found is None:
        raise SuiteError(f"there is no tool called {name!r}", hint="names are CATALOGUE's keys")
    return perform(found, world, arguments)
