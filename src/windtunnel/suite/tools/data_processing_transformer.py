"""Changes the records of a table."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


Op = Literal[
    "rename",
    "select",
    "drop",
    "compute",
    "convert",
    "sort",
    "limit",
    "deduplicate",
    "uppercase",
    "lowercase",
    "trim",
    "round",
    "normalise",
]


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One change."""

    op: Annotated[Op, Meta(description="What to do.")]
    field: Annotated[str, Meta(description="The field to change, compute or sort by.")] = ""
    to: Annotated[str, Meta(description="rename: the new name. convert: number or text.")] = ""
    fields: Annotated[list[str], Meta(description="select, drop, deduplicate: fields.")] = []
    expression: Annotated[str, Meta(description="compute: such as price * quantity.")] = ""
    descending: Annotated[bool, Meta(description="sort: greatest first.")] = False
    count: Annotated[int, Meta(description="limit: records to keep. round: digits.")] = 0


class Arguments(ToolArguments):
    """Arguments of `data_processing_transformer`."""

    input: Input = None
    operations: Annotated[
        list[Operation],
        Meta(
            description="What to do, in order. Default: field names to snake_case and texts trimmed."
        ),
    ] = []


@tool(
    Arguments,
    description="Changes the records of a table: rename, select, drop, compute, sort, limit, deduplicate, convert, and text clean-up.",
    returns={"value": "the changed table"},
    needs=("data_processing_parser",),
)
def data_processing_transformer(world: World, arguments: Arguments) -> Made:
    """Changes the records of a table."""
    raise failed("not built yet")
