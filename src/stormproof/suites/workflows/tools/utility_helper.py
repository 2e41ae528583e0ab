"""Tells what is in the workspace, or how to call a tool."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Made, ToolArguments, tool
from stormproof.suites.workflows.values.faults import invalid
from stormproof.suites.workflows.world import World


class Arguments(ToolArguments):
    """Arguments of `utility_helper`."""

    tool: Annotated[
        str,
        Meta(
            description="Name of a tool to explain. Default: the workspace's files, "
            "addresses, services "
            "and results."
        ),
    ] = ""


@tool(
    Arguments,
    description="Tells what is in the workspace, or how to call a tool.",
    returns={"value": "an object with what was asked"},
)
def utility_helper(world: World, arguments: Arguments) -> Made:
    """Tells what is in the workspace, or how to call a tool."""
    if not arguments.tool:
        return Made(_workspace(world), "receipt")
    from stormproof.suites.workflows.tools import CATALOGUE  # noqa: PLC0415  the catalogue holds this tool

    found = CATALOGUE.get(arguments.tool)
    if found is None:
        close = difflib.get_close_matches(arguments.tool[:60], CATALOGUE, n=3)
        raise invalid(f"No tool is called {arguments.tool[:60]!r}. Near: {', '.join(close)}.")
    spec = found.spec
    described = {"name": spec.name, "description": spec.description, "returns": spec.returns}
    return Made({**described, "parameters": spec.parameters, "needs": list(spec.needs)}, "receipt")


def _workspace(world: World) -> dict[str, Any]:
    """Names alone; to look inside, a tool must be used."""
    return {
        "files": list(world.files),
        "addresses": list(world.resources),
        "services": list(world.credentials),
        "results": list(world.results),
    }
