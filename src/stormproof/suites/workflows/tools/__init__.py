"""The catalogue: 30 tools in six categories, one file each.

Every module of this package that is named `<category>_<operation>` holds the tool of that
name; there is no list to keep. `docs/adding-a-tool.md` says how to add one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stormproof.domain.tasks import ToolResult
from stormproof.errors import SuiteError
from stormproof.suites.workflows.tools.calling import perform
from stormproof.suites.workflows.tools.contract import CATEGORIES, Tool
from stormproof.suites.workflows.world import World

__all__ = ["CATALOGUE", "CATEGORIES", "Tool", "run_tool"]


def _discovered() -> dict[str, Tool]:
    names = [m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith(CATEGORIES)]
    tools: dict[str, Tool] = {}
    for category in CATEGORIES:
        for name in (n for n in names if n.startswith(category + "_")):
            found = getattr(importlib.import_module(f"{__name__}.{name}"), name, None)
            if not isinstance(found, Tool):
                raise SuiteError(
                    f"{name}.py holds no tool called {name}",
                    hint="see docs/adding-a-tool.md",
                )
            tools[name] = found
    return tools


CATALOGUE: Mapping[str, Tool] = MappingProxyType(_discovered())
"""Tool name → tool, category by category."""


def run_tool(world: World, name: str, arguments: Mapping[str, Any]) -> ToolResult:
    """Run a catalogue tool on the world. Never raises for what a model wrote.

    Raises SuiteError for a name that is not in the catalogue, and for a bug in a tool.
    """
    found = CATALOGUE.get(name)
    if found is None:
        raise SuiteError(f"there is no tool called {name!r}", hint="names are CATALOGUE's keys")
    return perform(found, world, arguments)
