"""Fits a line to a numeric field by least squares and predicts its next values."""

from __future__ import annotations

from math import fsum
from statistics import fmean
from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.faults import ToolFault, invalid
from stormproof.suites.workflows.values.numerics import tidy
from stormproof.suites.workflows.values.tables import Record, numbers_in, numeric_fields, records_of
from stormproof.suites.workflows.world import DATA, World

FEWEST = 2
MOST_POINTS = 100


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
    at: Annotated[tuple[float, ...], Meta(description="Values of by to predict at.")] = ()
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
    records = records_of(take(world, arguments.input, DATA).value)
    field = arguments.field or _last_numeric(records)
    pairs = _pairs(records, field, arguments.by)
    slope, intercept, fit = _line(pairs)
    points = arguments.at or _next(pairs, arguments.steps)
    if len(points) > MOST_POINTS:
        raise invalid(f"At most {MOST_POINTS} predictions.")
    made = {
        "field": field,
        "slope": tidy(slope),
        "intercept": tidy(intercept),
        "r_squared": tidy(fit),
        "predictions": [tidy(intercept + slope * x) for x in points],
    }
    return Made(made, "findings")


def _last_numeric(records: list[Record]) -> str:
    names = numeric_fields(records)
    if not names:
        raise invalid("No field is numeric.")
    return names[-1]


def _pairs(records: list[Record], field: str, by: str) -> list[tuple[float, float]]:
    """(x, y) of the records that have both."""
    numbers_in(records, field)  # refuses unknown fields and texts
    if by:
        numbers_in(records, by)
    pairs = [
        (float(record[by] if by else number), float(record[field]))
        for number, record in enumerate(records)
        if record.get(field) is not None and (not by or record.get(by) is not None)
    ]
    if len(pairs) < FEWEST:
        raise invalid(f"A line needs at least {FEWEST} values of {field}.")
    return pairs


def _line(pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Slope, intercept and R² by ordinary least squares; R² is 1 where y never changes."""
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    mean_x, mean_y = fmean(xs), fmean(ys)
    spread_x = fsum((x - mean_x) ** 2 for x in xs)
    spread_y = fsum((y - mean_y) ** 2 for y in ys)
    shared = fsum((x - mean_x) * (y - mean_y) for x, y in pairs)
    if spread_x == 0:
        raise ToolFault("CALCULATION_ERROR", "All values of by are equal: there is no line.")
    slope = shared / spread_x
    fit = shared * shared / (spread_x * spread_y) if spread_y else 1.0
    return slope, mean_y - slope * mean_x, fit


def _next(pairs: list[tuple[float, float]], steps: int) -> list[float]:
    """The next values of x, at the mean distance of the given ones."""
    if not 1 <= steps <= MOST_POINTS:
        raise invalid(f"steps lies between 1 and {MOST_POINTS}.")
    xs = sorted(x for x, _ in pairs)
    step = (xs[-1] - xs[0]) / (len(xs) - 1)
    return [xs[-1] + step * each for each in range(1, steps + 1)]
