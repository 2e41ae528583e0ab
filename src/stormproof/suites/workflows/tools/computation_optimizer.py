"""Chooses the records of greatest total value within a budget, exactly."""

from __future__ import annotations

from heapq import merge
from math import inf
from typing import Annotated

from msgspec import Meta

from stormproof.suites.workflows.tools.contract import Input, Made, ToolArguments, take, tool
from stormproof.suites.workflows.values.documents import as_json
from stormproof.suites.workflows.values.faults import failed, invalid
from stormproof.suites.workflows.values.numerics import is_number, tidy, total
from stormproof.suites.workflows.values.tables import Record, records_of, require_field
from stormproof.suites.workflows.world import DATA, World

MOST = 60
MOST_CHOICES = 20_000


class Arguments(ToolArguments):
    """Arguments of `computation_optimizer`."""

    value: Annotated[str, Meta(description="Field with a record's value.")]
    cost: Annotated[str, Meta(description="Field with a record's cost.")]
    budget: Annotated[float, Meta(description="Greatest total cost.")]
    input: Input = None
    divisible: Annotated[bool, Meta(description="Records may be taken in part.")] = False


@tool(
    Arguments,
    description="Chooses the records with the greatest total value whose total cost stays within "
    "a budget. The choice is exact.",
    returns={"value": "total_value, total_cost, chosen (table)"},
)
def computation_optimizer(world: World, arguments: Arguments) -> Made:
    """Chooses the records of greatest total value within a budget, exactly."""
    records = records_of(take(world, arguments.input, DATA).value)
    if len(records) > MOST:
        raise invalid(f"At most {MOST} records.")
    items = [(_number(r, arguments.value), _number(r, arguments.cost)) for r in records]
    shares = (_in_part if arguments.divisible else _whole)(items, arguments.budget)
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


def _number(record: Record, field: str) -> int | float:
    require_field([record], field)
    number = record[field]
    if not is_number(number) or number < 0:
        raise invalid(f"Field '{field}' holds {as_json(number)[:40]}; numbers from 0 are wanted.")
    return number


def _in_part(items: list[tuple[float, float]], budget: float) -> list[float]:
    """Greatest value per cost first, which is exact where records can be divided (Dantzig)."""
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


def _whole(items: list[tuple[float, float]], budget: float) -> list[float]:
    """The 0/1 knapsack by dominance (Nemhauser and Ullmann): exact for any costs.

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
