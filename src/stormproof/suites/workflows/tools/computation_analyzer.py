"""Describes a table."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Annotated, Any

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.numerics import is_number, tidy
from stormproof.suites.workflows.values.tables import fields_of, is_empty, records_of, require_field
from stormproof.suites.workflows.world import DATA, World

FEWEST = 4  # numbers that have outliers


class Arguments(ToolArguments):
    """Arguments of `computation_analyzer`."""

    input: Input = None
    field: Annotated[str, Meta(description="Look at this field alone. Default: all fields.")] = ""


@tool(
    Arguments,
    description="Describes a table: for each field its spread, typical values and missing values;"
    " for one field also its outliers.",
    returns={
        "value": "records, and fields: count, missing, and mean, median, stdev, min, max "
        "of numbers or distinct and most_common of texts"
    },
    needs=("data_processing_parser", "data_processing_aggregator"),
)
def computation_analyzer(world: World, arguments: Arguments) -> Made:
    """Describes a table."""
    records = records_of(take(world, arguments.input, DATA).value)
    if arguments.field:
        require_field(records, arguments.field)
    names = [arguments.field] if arguments.field else fields_of(records)
    described = {name: _described([r.get(name) for r in records]) for name in names}
    if arguments.field and "mean" in described[arguments.field]:
        described[arguments.field]["outliers"] = _outliers(
            [r.get(arguments.field) for r in records]
        )
    return Made({"records": len(records), "fields": described}, "findings")


def _described(values: list[Any]) -> dict[str, Any]:
    """A field's values; numeric where all that are present are numbers."""
    present = [value for value in values if not is_empty(value)]
    counts: dict[str, Any] = {"count": len(present), "missing": len(values) - len(present)}
    if present and all(is_number(value) for value in present):
        return counts | _numeric(present)
    texts = Counter(v if isinstance(v, str) else as_json(v) for v in present)
    common = min(texts, key=lambda text: (-texts[text], text)) if texts else None
    return counts | {"distinct": len(texts), "most_common": common}


def _numeric(numbers: list[float]) -> dict[str, float]:
    """The standard deviation is the sample's (n - 1), 0 for a single number."""
    return {
        "mean": tidy(statistics.fmean(numbers)),
        "median": tidy(statistics.median(numbers)),
        "stdev": tidy(statistics.stdev(numbers)) if len(numbers) > 1 else 0.0,
        "min": tidy(min(numbers)),
        "max": tidy(max(numbers)),
    }


def _outliers(values: list[Any]) -> list[float]:
    """Numbers beyond 1.5 interquartile ranges from the quartiles (Tukey's fences)."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < FEWEST:
        return []
    low, _, high = statistics.quantiles(numbers, n=4, method="inclusive")
    reach = 1.5 * (high - low)
    return [number for number in numbers if not low - reach <= number <= high + reach]
