"""Describes a table."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `computation_analyzer`."""

    input: Input = None
    field: Annotated[str, Meta(description="Look at this field alone. Default: all fields.")] = ""


@tool(
    Arguments,
    description="Describes a table: for each field its spread, typical values and missing values; for one field also its outliers.",
    returns={
        "value": "records, and fields: count, missing, and mean, median, stdev, min, max of numbers or distinct and most_common of texts"
    },
    needs=("data_processing_parser", "data_processing_aggregator"),
)
def computation_analyzer(world: World, arguments: Arguments) -> Made:
    """Describes a table."""
    raise failed("not built yet")
