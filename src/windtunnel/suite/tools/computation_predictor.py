"""Fits a line to a numeric field by least squares and predicts its next values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from windtunnel.suite.tools.contract import Input, Made, ToolArguments, tool
from windtunnel.suite.values.faults import failed
from windtunnel.suite.world import World


class Arguments(ToolArguments):
    """Arguments of `computation_predictor`."""

    input: Input = None
    field: Annotated[
        str, Meta(description="The field to predict. Default: the last numeric field.")
    ] = ""
    by: Annotated[
        str,
        Meta(description="Numeric field that it depends on. Default: the record's number, from 0."),
    ] = ""
    at: Annotated[list[float], Meta(description="Values of by to predict at.")] = []
    steps: Annotated[
        int, Meta(description="How many next values to predict where at is not given.")
    ] = 1


@tool(
    Arguments,
    description="Fits a line to a numeric field by least squares and predicts its next values.",
    returns={"value": "field, slope, intercept, r_squared, predictions (list of numbers)"},
)
def computation_predictor(world: World, arguments: Arguments) -> Made:
    """Fits a line to a numeric field by least squares and predicts its next values."""
    raise failed("not built yet")
