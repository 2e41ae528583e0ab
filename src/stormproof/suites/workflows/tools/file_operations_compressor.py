"""Compresses data or a file with gzip or zip."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from typing import Annotated, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.tools.paths import find_file, put_file
from stormproof.suites.workflows.values.formats import render
from stormproof.suites.workflows.world import World


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
    name, text = _content(world, arguments)
    raw = text.encode()
    packed = gzip.compress(raw, 6, mtime=0) if arguments.method == "gzip" else _zipped(name, raw)
    data = base64.b64encode(packed).decode()
    made = {"method": arguments.method, "name": name, "original_size": len(raw), "data": data}
    if arguments.destination:
        made["destination"] = put_file(world, arguments.destination, data)
    return Made(made, "archive")


def _content(world: World, arguments: Arguments) -> tuple[str, str]:
    """Name and text of what is to be compressed."""
    if arguments.path:
        path = find_file(world, arguments.path)
        return path, world.files[path]
    taken = take(world, arguments.input)
    return taken.handle or "data", render(taken.value, "json")


def _zipped(name: str, raw: bytes) -> bytes:
    """A zip of one member; its time is fixed, so that equal data gives an equal archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), raw, zipfile.ZIP_DEFLATED)
    return out.getvalue()
