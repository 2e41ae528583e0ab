"""What the computing tools work out: descriptions of numbers, fitted lines, best choices."""

from __future__ import annotations

import statistics
from collections import Counter
from heapq import merge
from math import fsum, inf
from statistics import fmean
from typing import Any

from stormproof.suites.workflows.values import ToolFault, failed
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.numerics import finite, is_number, tidy
from stormproof.suites.workflows.values.tabular import is_empty

FEWEST_WITH_OUTLIERS = 4
MOST_CHOICES = 20_000
ValueAndCost = tuple[float, float]


def described(values: list[Any]) -> dict[str, Any]:
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


def outliers(values: list[Any]) -> list[float]:
    """Numbers beyond 1.5 interquartile ranges from the quartiles (Tukey's fences)."""
    numbers = [value for value in values if not is_empty(value)]
    if len(numbers) < FEWEST_WITH_OUTLIERS:
        return []
    low, _, high = statistics.quantiles(numbers, n=4, method="inclusive")
    reach = finite(1.5 * (high - low))
    return [number for number in numbers if not low - reach <= number <= high + reach]


def fitted_line(pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Slope, intercept and R² of (x, y) by ordinary least squares; R² is 1 where y never changes.

    Raises ToolFault where all x are equal.
    """
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


def chosen_in_part(items: list[ValueAndCost], budget: float) -> list[float]:
    """Each record's share, in [0, 1]: greatest value per cost first, which is exact (Dantzig)."""
    shares = [0.0] * len(items)
    left = budget
    order = sorted(range(len(items)), key=lambda i: -_density(*items[i]))
    for i in order:
        cost = items[i][1]
        shares[i] = 1.0 if cost <= left else max(0.0, left / cost)
        left -= cost * shares[i]
    return shares


def _density(value: float, cost: float) -> float:
    return value / cost if cost else inf


def chosen_whole(items: list[ValueAndCost], budget: float) -> list[float]:
    """Each record's share, 0 or 1: the knapsack by dominance (Nemhauser and Ullmann).

    Exact for any costs. Raises ToolFault where there are too many choices for that.
    Keeps (cost, value, chosen as bits) that no cheaper choice reaches in value. Of choices with
    equal value the cheaper wins, then the one with earlier records.
    """
    front: list[tuple[float, float, int]] = [(0.0, 0.0, 0)]
    for i, (value, cost) in enumerate(items):
        added = [(c + cost, v + value, m | 1 << i) for c, v, m in front if c + cost <= budget]
        front = _undominated(front, added)
        if len(front) > MOST_CHOICES:
            raise failed("There are too many choices to be exact; use fewer records.")
    return [float(front[-1][2] >> i & 1) for i in range(len(items))]


def _undominated(
    front: list[tuple[float, float, int]], added: list[tuple[float, float, int]]
) -> list[tuple[float, float, int]]:
    best = -1.0
    kept = []
    for choice in merge(front, added, key=lambda c: (c[0], -c[1])):
        if choice[1] > best:
            best = choice[1]
            kept.append(choice)
    return kept
