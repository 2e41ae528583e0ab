"""The workspace's files: to compress, convert, read, scan and write them."""

from __future__ import annotations

import base64
import difflib
import gzip
import io
import zipfile
from fnmatch import fnmatch
from typing import Annotated, Any, Literal

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import (
    Input,
    Made,
    ToolArguments,
    kind_of,
    take,
    tool,
)
from stormproof.suites.workflows.values import ToolFault, affordable, invalid
from stormproof.suites.workflows.values.formats import format_of, parse, recognise, render
from stormproof.suites.workflows.values.tabular import listed
from stormproof.suites.workflows.world import DEFAULTS_FILE, PAYLOAD, World

# --- paths -------------------------------------------------------------------------------------


MOST_FILES = 200
LARGEST = 2_000_000  # characters of a file that is written
_LONGEST_PATH = 200
_LONGEST_NEAR = 60  # characters of paths that are compared letter by letter


def cleaned(path: str) -> str:
    """The path without `./`, a leading `/` and doubled slashes. Raises ToolFault for `..`."""
    parts = [part for part in path.strip().split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ToolFault("ACCESS_DENIED", f"{path[:80]} lies outside the workspace.")
    if not parts or len(path) > _LONGEST_PATH:
        raise invalid(f"This is not a path: {path[:80]!r}.")
    return "/".join(parts)


def find_file(world: World, path: str) -> str:
    """The cleaned path of a file that is there. Raises ToolFault, FILE_NOT_FOUND or else."""
    clean = cleaned(path)
    if clean in world.files:
        return clean
    near = [known for known in world.files if len(known) <= _LONGEST_NEAR]
    close = difflib.get_close_matches(clean, near, n=1) if len(clean) <= _LONGEST_NEAR else ()
    meant = f" Did you mean {close[0]}?" if close else f" Files are: {listed(world.files)}."
    raise ToolFault("FILE_NOT_FOUND", f"There is no file {clean}.{meant}")


def put_file(world: World, path: str, text: str) -> str:
    """Write a file; returns its cleaned path. The task's own files are read-only."""
    clean = cleaned(path)
    if clean in world.task.files:
        raise ToolFault("ACCESS_DENIED", f"{clean} is an input and read-only. Write elsewhere.")
    if len(text) > LARGEST or (len(world.files) >= MOST_FILES and clean not in world.files):
        raise ToolFault("OPERATION_FAILED", "The workspace is full.")
    world.bear(len(text))
    world.files[clean] = text
    return clean


# --- file_operations_compressor ----------------------------------------------------------------


class CompressorArguments(ToolArguments):
    """Arguments of `file_operations_compressor`."""

    input: Input = None
    path: Annotated[str, Meta(description="A file to compress, in place of input.")] = ""
    method: Annotated[Literal["gzip", "zip"], Meta(description="How to compress.")] = "gzip"
    destination: Annotated[
        str, Meta(description="Where to write the archive. Default: it is only kept as a result.")
    ] = ""


@tool(returns={"value": "method, name, original_size, and data (the archive in base64)"})
def file_operations_compressor(world: World, arguments: CompressorArguments) -> Made:
    """Compresses data or a file with gzip or zip."""
    name, text = _content(world, arguments)
    raw = text.encode()
    packed = gzip.compress(raw, 6, mtime=0) if arguments.method == "gzip" else _zipped(name, raw)
    data = base64.b64encode(packed).decode()
    made = {"method": arguments.method, "name": name, "original_size": len(raw), "data": data}
    if arguments.destination:
        made["destination"] = put_file(world, arguments.destination, data)
    return Made(made, "archive")


def _content(world: World, arguments: CompressorArguments) -> tuple[str, str]:
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


# --- file_operations_converter -----------------------------------------------------------------


class ConverterArguments(ToolArguments):
    """Arguments of `file_operations_converter`."""

    to: Annotated[
        Literal["csv", "json", "jsonl", "xml"], Meta(description="The format wanted.")
    ] = "json"
    input: Input = None


@tool(returns={"value": "the converted text; for json the data itself, as after parsing"})
def file_operations_converter(world: World, arguments: ConverterArguments) -> Made:
    """Converts data between CSV, JSON, JSON Lines and XML."""
    taken = take(world, arguments.input)
    value = taken.value
    if isinstance(value, str):
        value = parse(value, recognise(value))
    if arguments.to == "json":
        return Made(value, kind_of(value), taken.source)
    return Made(render(value, arguments.to), "text")


# --- file_operations_reader --------------------------------------------------------------------


class ReaderArguments(ToolArguments):
    """Arguments of `file_operations_reader`."""

    path: Annotated[
        str, Meta(description="The file to read. Default: the first file that was not read yet.")
    ] = ""


@tool(returns={"value": "the file's text"})
def file_operations_reader(world: World, arguments: ReaderArguments) -> Made:
    """Reads a file of the workspace and gives its text, unparsed."""
    path = find_file(world, arguments.path or _next_unread(world))
    world.seen.add(path)
    return Made(world.files[path], "text", source=path)


def _next_unread(world: World) -> str:
    """The first file that was not read yet; when all were read, the first of all."""
    paths = [path for path in world.files if path != DEFAULTS_FILE]
    if not paths:
        raise ToolFault("FILE_NOT_FOUND", "The workspace holds no files.")
    return next((path for path in paths if path not in world.seen), paths[0])


# --- file_operations_scanner -------------------------------------------------------------------


MOST_MATCHES = 200
_CHARACTERS_PER_STEP = 10


class ScannerArguments(ToolArguments):
    """Arguments of `file_operations_scanner`."""

    pattern: Annotated[str, Meta(description="Which paths to look at, such as data/*.csv.")] = "*"
    contains: Annotated[
        str,
        Meta(
            description="List the lines that contain this text (ignoring case) instead of "
            "the files."
        ),
    ] = ""


@tool(
    returns={
        "value": "a table: path, size and lines of each file; or path, line and text of each match"
    },
)
def file_operations_scanner(world: World, arguments: ScannerArguments) -> Made:
    """Lists the files of the workspace, or the lines in them that contain a text."""
    pattern = cleaned(arguments.pattern)
    paths = [path for path in world.files if fnmatch(path, pattern)]
    affordable(sum(len(world.files[path]) for path in paths) // _CHARACTERS_PER_STEP)
    if not arguments.contains:
        return Made([_described(world, path) for path in paths], "table")
    wanted = arguments.contains.lower()
    world.probed.update(paths)
    found = [match for path in paths for match in _matches(path, world.files[path], wanted)]
    return Made(found[:MOST_MATCHES], "table")


def _described(world: World, path: str) -> dict[str, Any]:
    text = world.files[path]
    return {"path": path, "size": len(text.encode()), "lines": len(text.splitlines())}


def _matches(path: str, text: str, wanted: str) -> list[dict[str, Any]]:
    return [
        {"path": path, "line": number, "text": line[:200]}
        for number, line in enumerate(text.splitlines(), 1)
        if wanted in line.lower()
    ]


# --- file_operations_writer --------------------------------------------------------------------


class WriterArguments(ToolArguments):
    """Arguments of `file_operations_writer`."""

    path: Annotated[str, Meta(description="The file to write.")]
    input: Input = None
    format: Annotated[
        Literal["csv", "json", "jsonl", "xml", "text"] | None,
        Meta(description="How to write structured data. Default: by the path's ending."),
    ] = None
    append: Annotated[bool, Meta(description="Add to the file's end instead of replacing it.")] = (
        False
    )


@tool(
    returns={"value": "path and size of the file"},
    needs=("data_processing_transformer", "network_validator"),
)
def file_operations_writer(world: World, arguments: WriterArguments) -> Made:
    """Writes data to a file of the workspace."""
    taken = take(world, arguments.input, (*PAYLOAD, "archive"))
    value = taken.value["data"] if taken.kind == "archive" else taken.value
    text = render(value, arguments.format or format_of(arguments.path) or "text")
    if arguments.append:
        text = world.files.get(cleaned(arguments.path), "") + text
    path = put_file(world, arguments.path, text)
    return Made({"path": path, "size": len(text.encode())}, "receipt")
