"""Figures: to analyse, calculate, optimise, predict and simulate."""

from __future__ import annotations

import random
from statistics import fmean
from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values import ToolFault, invalid
from stormproof.suites.workflows.values.analytics import (
    chosen_in_part,
    chosen_whole,
    described,
    fitted_line,
    outliers,
)
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.expressions import compiled
from stormproof.suites.workflows.values.numerics import is_number, number_in, tidy, total
from stormproof.suites.workflows.values.tabular import (
    Record,
    fields_of,
    is_table,
    numbers_in,
    numeric_fields,
    records_of,
    require_field,
)
from stormproof.suites.workflows.world import DATA, STRUCTURED, Examination, World

# --- computation_analyzer ----------------------------------------------------------------------


class AnalyzerArguments(ToolArguments):
    """Arguments of `computation_analyzer`."""

    input: Input = None
    field: Annotated[str, Meta(description="Look at this field alone. Default: all fields.")] = ""


@tool(
    returns={
        "value": "records, and fields: count, missing, and mean, median, stdev, min, max "
        "of numbers or distinct and most_common of texts"
    },
    needs=("data_processing_parser", "data_processing_aggregator"),
)
def computation_analyzer(world: World, arguments: AnalyzerArguments) -> Made:
    """Describes a table: for each field its spread, typical values and missing values;
    for one field also its outliers.
    """  # noqa: D205  one sentence, as models are shown it
    records = records_of(take(world, arguments.input, DATA).value)
    if arguments.field:
        require_field(records, arguments.field)
    names = [arguments.field] if arguments.field else fields_of(records)
    fields = {name: described([r.get(name) for r in records]) for name in names}
    counted = frozenset(name for name in names if "distinct" in fields[name])
    world.examined.append(Examination(records, frozenset(names), counted))
    if arguments.field and "mean" in fields[arguments.field]:
        fields[arguments.field]["outliers"] = outliers([r.get(arguments.field) for r in records])
    return Made({"records": len(records), "fields": fields}, "findings")


# --- computation_calculator --------------------------------------------------------------------


class CalculatorArguments(ToolArguments):
    """Arguments of `computation_calculator`."""

    expression: Annotated[
        str,
        Meta(
            description="Such as sum(amount) * 1.2 or round(value / 12, 2); value is a "
            "number given as "
            "input. Default: the sum of all numbers in the input."
        ),
    ] = ""
    input: Input = None


@tool(returns={"value": "a number"}, needs=("data_processing_parser", "network_validator"))
def computation_calculator(world: World, arguments: CalculatorArguments) -> Made:
    """Evaluates an arithmetic expression over numbers, an object's fields or a table's columns."""
    if not arguments.expression:
        return Made(_sum_of_all(take(world, arguments.input, STRUCTURED).value), "number")
    formula = compiled(arguments.expression)
    known = {}
    if formula.names:
        known = _names_in(take(world, arguments.input, STRUCTURED).value)
        formula.check_names(known)
    formula.check_work(_longest(known))
    made = formula.run(known)
    if not is_number(made):
        raise invalid(f"The expression gives {str(made)[:40]!r}, not a number.")
    return Made(tidy(made) if isinstance(made, int) else made, "number")


def _longest(known: dict[str, Any]) -> int:
    """Of what an expression may name: its longest column."""
    return max((len(each) for each in known.values() if isinstance(each, list)), default=1)


def _names_in(value: Any) -> dict[str, Any]:
    """What an expression may name: an object's fields, a table's columns, a number as `value`."""
    if isinstance(value, str):
        number = number_in(value.strip())
        return {"value": value if number is None else number}
    if isinstance(value, list) or (isinstance(value, dict) and _wraps_table(value)):
        records = records_of(value)
        columns = {name: [r.get(name) for r in records] for name in fields_of(records)}
        scalars = value if isinstance(value, dict) else {}
        return {**scalars, **columns}
    return value if isinstance(value, dict) else {"value": value}


def _wraps_table(value: dict[str, Any]) -> bool:
    return sum(bool(each) and is_table(each) for each in value.values()) == 1


def _sum_of_all(value: Any) -> float:
    """The sum of all numbers in a value."""
    records = records_of(value)
    return total([n for name in numeric_fields(records) for n in numbers_in(records, name)])


# --- computation_optimizer ---------------------------------------------------------------------


MOST_CANDIDATES = 60


class OptimizerArguments(ToolArguments):
    """Arguments of `computation_optimizer`."""

    value: Annotated[str, Meta(description="Field with a record's value.")]
    cost: Annotated[str, Meta(description="Field with a record's cost.")]
    budget: Annotated[float, Meta(description="Greatest total cost.")]
    input: Input = None
    divisible: Annotated[bool, Meta(description="Records may be taken in part.")] = False


@tool(returns={"value": "total_value, total_cost, chosen (table)"})
def computation_optimizer(world: World, arguments: OptimizerArguments) -> Made:
    """Chooses the records with the greatest total value whose total cost stays within a budget.

    The choice is exact.
    """
    records = records_of(take(world, arguments.input, DATA).value)
    if len(records) > MOST_CANDIDATES:
        raise invalid(f"At most {MOST_CANDIDATES} records.")
    items = [(_from_zero(r, arguments.value), _from_zero(r, arguments.cost)) for r in records]
    shares = (chosen_in_part if arguments.divisible else chosen_whole)(items, arguments.budget)
    chosen = [
        {**record, "share": tidy(share)} if arguments.divisible else record
        for record, share in zip(records, shares, strict=True)
        if share
    ]
    made = {
        "total_value": total([item[0] * s for item, s in zip(items, shares, strict=True)]),
        "total_cost": total([item[1] * s for item, s in zip(items, shares, strict=True)]),
        "chosen": chosen,
    }
    return Made(made, "findings")


def _from_zero(record: Record, field: str) -> int | float:
    require_field([record], field)
    number = record[field]
    if not is_number(number) or number < 0:
        raise invalid(f"Field '{field}' holds {as_json(number)[:40]}; numbers from 0 are wanted.")
    return number


# --- computation_predictor ---------------------------------------------------------------------


FEWEST_POINTS = 2
MOST_POINTS = 100


class PredictorArguments(ToolArguments):
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


@tool(returns={"value": "field, slope, intercept, r_squared, predictions (list of numbers)"})
def computation_predictor(world: World, arguments: PredictorArguments) -> Made:
    """Fits a line to a numeric field by least squares and predicts its next values."""
    records = records_of(take(world, arguments.input, DATA).value)
    field = arguments.field or _last_numeric(records)
    pairs = _pairs(records, field, arguments.by)
    slope, intercept, fit = fitted_line(pairs)
    points = arguments.at or _points_after(pairs, arguments.steps)
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
    if len(pairs) < FEWEST_POINTS:
        raise invalid(f"A line needs at least {FEWEST_POINTS} values of {field}.")
    return pairs


def _points_after(pairs: list[tuple[float, float]], steps: int) -> list[float]:
    """The next values of x, at the mean distance of the given ones."""
    if not 1 <= steps <= MOST_POINTS:
        raise invalid(f"steps lies between 1 and {MOST_POINTS}.")
    xs = sorted(x for x, _ in pairs)
    step = (xs[-1] - xs[0]) / (len(xs) - 1)
    return [xs[-1] + step * each for each in range(1, steps + 1)]


# --- computation_simulator ---------------------------------------------------------------------


MOST_DRAWS = 20_000
GREATEST_VALUE = 1e100


class SimulatorArguments(ToolArguments):
    """Arguments of `computation_simulator`."""

    input: Input = None
    start: Annotated[
        float | None,
        Meta(description="Value at the beginning. Default: the input, if it is a number."),
    ] = None
    growth: Annotated[float, Meta(description="Growth per step as a share, such as 0.05.")] = 0.0
    volatility: Annotated[float, Meta(description="Standard deviation of the growth per step.")] = (
        0.0
    )
    steps: Annotated[int, Meta(description="Steps in a run.")] = 12
    runs: Annotated[int, Meta(description="Runs.")] = 20
    seed: Annotated[int, Meta(description="Seed of the draws.")] = 0


@tool(
    returns={
        "value": "mean, low (5 %), high (95 %) of the final values, and path (means after"
        " each step)"
    },
)
def computation_simulator(world: World, arguments: SimulatorArguments) -> Made:
    """Simulates how a quantity grows step by step, with chance, over many seeded runs."""
    start = _start(world, arguments)
    if arguments.steps < 1 or arguments.runs < 1:
        raise invalid("steps and runs are at least 1.")
    if arguments.steps * arguments.runs > MOST_DRAWS:
        raise invalid(f"steps times runs is at most {MOST_DRAWS:,}.")
    paths = _paths(start, arguments)
    finals = sorted(path[-1] for path in paths)
    made = {
        "mean": tidy(fmean(finals)),
        "low": tidy(finals[int(0.05 * (len(finals) - 1))]),
        "high": tidy(finals[-1 - int(0.05 * (len(finals) - 1))]),
        "path": [tidy(fmean(step)) for step in zip(*paths, strict=True)],
    }
    return Made(made, "findings")


def _start(world: World, arguments: SimulatorArguments) -> float:
    if arguments.start is not None:
        return arguments.start
    value = take(world, arguments.input, ("number",)).value
    if not is_number(value):
        raise invalid("Give start: the value at the beginning.")
    return float(value)


def _paths(start: float, arguments: SimulatorArguments) -> list[list[float]]:
    """Runs of value ← value × (1 + growth + volatility × draw), draws standard normal.

    Without volatility all runs are alike, so one is enough.
    """
    draws = random.Random(arguments.seed)  # noqa: S311  a simulation, seeded by the caller
    paths = []
    for _ in range(arguments.runs if arguments.volatility else 1):
        value, path = start, []
        for _ in range(arguments.steps):
            chance = arguments.volatility * draws.gauss(0.0, 1.0) if arguments.volatility else 0.0
            value *= 1.0 + arguments.growth + chance
            path.append(value)
        if abs(value) > GREATEST_VALUE:
            raise ToolFault("OVERFLOW", "The quantity grows beyond all bounds.")
        paths.append(path)
    return paths
