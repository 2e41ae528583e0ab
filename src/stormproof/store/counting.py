"""How many trials of each cell have ended, and how."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from msgspec import Struct

from stormproof.domain.conditions import Condition, TaskType
from stormproof.store.reading import episode_table


class CellCount(Struct, frozen=True):
    """model × condition × task type. full + partial + failed = scored."""

    model: str
    condition: Condition
    task_type: TaskType
    scored: int
    infrastructure: int
    full: int
    partial: int
    failed: int
    simulated: int


def status(folder: Path | str) -> tuple[CellCount, ...]:
    """Counts of every cell that has an ended trial, in sorted order; counted afresh each time.

    Raises what `episode_table` raises.
    """
    condition = Condition.__struct_fields__
    axes = ("model", *condition, "task_type")
    how = ("outcome", "success", "simulated")
    grouped = (
        episode_table(folder, [*axes, *how]).group_by([*axes, *how]).aggregate([([], "count_all")])
    )
    cells = defaultdict[tuple[Any, ...], Counter[str]](Counter)
    for row in grouped.to_pylist():
        cell = cells[tuple(row[axis] for axis in axes)]
        cell[row["success"] or row["outcome"]] += row["count_all"]
        cell["simulated"] += row["count_all"] * row["simulated"]
    return tuple(_cell(dict(zip(axes, key, strict=True)), cells[key]) for key in sorted(cells))


def _cell(key: dict[str, Any], numbers: Counter[str]) -> CellCount:
    return CellCount(
        model=key.pop("model"),
        task_type=key.pop("task_type"),
        condition=Condition(**key),
        scored=sum(numbers[success] for success in ("full", "partial", "failed")),
        infrastructure=numbers["infrastructure"],
        full=numbers["full"],
        partial=numbers["partial"],
        failed=numbers["failed"],
        simulated=numbers["simulated"],
    )
