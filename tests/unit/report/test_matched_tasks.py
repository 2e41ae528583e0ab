"""What unscored trials could do to a comparison, against brute force over all that may be true.

The brute force knows only the definitions: a setting is a task under its whole condition but the
treatment; a side's success is the mean over tasks of the mean over the settings that all sides
have tried.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from stormproof.report.contents import all_tables
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.matched_tasks import MAY_CHANGE, reading
from stormproof.report.report_table import IfLost
from stormproof.report.result_charts import rows_of
from stormproof.stats import difference

Row = dict[str, Any]
Make = Callable[..., Row]
ToTable = Callable[[list[Row]], pa.Table]
Estimate = Callable[[Sequence[float]], float]
Grids = Callable[..., Iterator[list[Row]]]

MOST_LOST = 7  # 128 worlds
FLAW = ("flawed_missing_step", "optimal")


@pytest.fixture
def grids(make_episode: Make, make_infrastructure: Make) -> Grids:
    """Sixty small grids: each value of a treatment on a few tasks, with holes and lost trials."""

    def grid(dice: Random, treatment: str, values: Sequence[Any], levels: Sequence[str]) -> Any:
        spare, holes = dice.randint(0, MOST_LOST), dice.choice((0.0, 0.2))
        places = [*product(range(dice.randint(2, 4)), levels, range(dice.randint(1, 2)), values)]
        for task, level, replicate, value in dice.sample(places, len(places)):
            place = {
                treatment: value,
                "task_id": f"data_pipeline.{task}",
                "difficulty": level,
                "replicate": replicate,
            }
            if dice.random() < holes:
                continue
            if spare:
                spare -= 1
                outcome = dice.choice(("infrastructure", "infrastructure", "blocked"))
                yield make_infrastructure(**place, outcome=outcome)
            else:
                yield make_episode(**place, success=dice.choice(("full", "partial", "failed")))

    def make(
        treatment: str, values: Sequence[Any], levels: Sequence[str] = ("easy",)
    ) -> Iterator[list[Row]]:
        yield from (list(grid(Random(seed), treatment, values, levels)) for seed in range(60))

    return make


def worlds(rows: Sequence[Row]) -> Iterator[list[float]]:
    """Every row's success, for each way in which the unscored trials could have turned out."""
    unscored = [i for i, row in enumerate(rows) if row["outcome"] != "completed"]
    for luck in product((0.0, 1.0), repeat=len(unscored)):
        drawn = dict(zip(unscored, luck, strict=True))
        yield [drawn.get(i, float(row["success"] == "full")) for i, row in enumerate(rows)]


def means(
    rows: Sequence[Row], success: Sequence[float], treatment: str, sides: Sequence[Any]
) -> list[float]:
    """Each side's success."""
    tried: dict[tuple[Any, ...], dict[Any, float]] = defaultdict(dict)
    for row, value in zip(rows, success, strict=True):
        setting = tuple(row[name] for name in ("task_id", "difficulty", "replicate"))
        tried[setting][row[treatment]] = value
    by_task: dict[str, list[dict[Any, float]]] = defaultdict(list)
    for (task, *_), found in tried.items():
        if all(side in found for side in sides):
            by_task[task].append(found)
    tasks = [
        [sum(found[side] for found in own) / len(own) for side in sides] for own in by_task.values()
    ]
    return [sum(column) / len(tasks) for column in zip(*tasks, strict=True)]


def span(
    rows: Sequence[Row], treatment: str, sides: Sequence[Any], estimate: Estimate
) -> tuple[float, float] | None:
    """The least and the greatest that an estimate is in any world; None where there is but one."""
    if all(row["outcome"] == "completed" for row in rows):
        return None
    every = [estimate(means(rows, success, treatment, sides)) for success in worlds(rows)]
    return min(every), max(every)


def same(bounds: IfLost | None, expected: tuple[float, float] | None) -> bool:
    """Whether bounds are what brute force found; they then count as compared."""
    if bounds is None or expected is None:
        assert bounds is None
        assert expected is None
        return False
    assert (bounds.low, bounds.high) == pytest.approx(expected, abs=1e-12)
    return True


def table_of(rows: list[Row], key: str, make_table: ToTable) -> list[Row]:
    tables = {table.key: table for table in all_tables(EpisodeRows.of(make_table(rows)))}
    return list(rows_of(tables[key])) if key in tables else []


def test_a_difference_lies_between_its_worst_and_its_best(
    grids: Grids, make_table: ToTable
) -> None:
    compared = 0
    for rows in grids("model", ("a", "b"), ("easy", "hard")):
        expected = span(rows, "model", ("a", "b"), lambda m: m[0] - m[1])
        for row in table_of(rows, "models", make_table):
            compared += same(row["if lost, points"], expected)
    assert compared > 30


def test_a_flaws_difference_and_retention_lie_between_theirs(
    grids: Grids, make_table: ToTable
) -> None:
    compared = 0
    for rows in grids("prompt_type", FLAW):
        for row in table_of(rows, "flaws", make_table):
            if not row["tasks paired"]:
                continue
            expected = span(rows, "prompt_type", FLAW, lambda m: m[0] - m[1])
            same(row["if lost, points"], expected)
            if math.isfinite(row["retention"].estimate):
                expected = span(rows, "prompt_type", FLAW, lambda m: m[0] / m[1])
                compared += same(row["retention if lost"], expected)
    assert compared > 20


def test_a_comparison_is_flagged_where_some_world_would_read_otherwise(
    make_episode: Make, make_infrastructure: Make, make_table: ToTable
) -> None:
    seen = set()
    for seed in range(30):
        dice = Random(seed)
        places = [(task, model) for task in range(dice.randint(10, 14)) for model in ("a", "b")]
        lost, chance = dice.sample(places, dice.randint(1, 5)), {"a": 0.95, "b": 0.3}
        rows = []
        for task, model in places:
            place = {"model": model, "task_id": f"data_pipeline.{task}"}
            level = "full" if dice.random() < chance[model] else "failed"
            is_lost = (task, model) in lost
            rows.append(
                make_infrastructure(**place) if is_lost else make_episode(**place, success=level)
            )
        (row,) = table_of(rows, "models", make_table)
        found = reading(row["difference, points"], 0.0)
        readings = set()
        for success in worlds(rows):
            sides = [[v for r, v in zip(rows, success, strict=True) if r["model"] == m]
                     for m in ("a", "b")]  # fmt: skip
            readings.add(reading(difference(*sides), 0.0))
        assert (row["flags"] == MAY_CHANGE) == (readings != {found})
        seen.add(row["flags"])
    assert seen == {"", MAY_CHANGE}


@pytest.mark.parametrize("rates", [(0.6, 0.9), (0.5, 0.6, 1.0), (0.6, 0.7, 0.8, 0.9)])
def test_a_slope_lies_between_its_flattest_and_its_steepest(
    rates: tuple[float, ...], grids: Grids, make_table: ToTable
) -> None:
    middle = sum(rates) / len(rates)

    def rise(m: Sequence[float]) -> float:
        pairs = zip(rates, m, strict=True)
        return sum((x - middle) * y for x, y in pairs) / sum((x - middle) ** 2 for x in rates)

    compared = 0
    for rows in grids("tool_success_rate", rates):
        for row in table_of(rows, "slopes", make_table):
            assert row["rates"] == ", ".join(f"{rate:g}" for rate in rates)
            compared += same(row["slope if lost"], span(rows, "tool_success_rate", rates, rise))
    assert compared > 20
