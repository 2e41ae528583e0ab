"""Compresses data or a file with gzip or zip."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `file_operations_compressor`."""

    input: Input = None
    path: Annotated[str, Meta(description="A file to compress, in place of input.")] = ""
    method: Annotated[Literal["gzip", "zip"], Meta(description="How to compress.")] = "gzip"
    destination: Annotated[
        str, Meta(description="Where to write the archive. Default: it is only kept as a result.")
    ] = ""


@tool(
    Arguments,
    description="Compresses data or a file with gzip or zip.",
    returns={"value": "method, name, original_size, and data (the archive in base64)"},
)
def file_operations_compressor(world: World, arguments: Arguments) -> Made:
    """Compresses data or a file with gzip or zip."""
    raise failed("not built yet")
