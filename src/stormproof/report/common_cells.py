"""What may stand side by side: groups of trials over the cells that all of them share.

A cell is a condition and a task type. Rates of groups that ran different cells say how the cells
differ, not how the groups do (Simpson's paradox). So whatever stands in one table or chart is first
aligned: each group keeps the cells in which every group has a scored trial, and each of these cells
weighs the same in every group's rate, however many of its trials are there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.report.episode_rows import EpisodeRows

CELL = (*Condition.__struct_fields__, "task_type")

Codes = npt.NDArray[np.int64]


class Aligned(Struct, frozen=True):
    """One group over the common cells.

    `rows` are all of its trials in these cells, scored or not; `cells` codes each row's cell, the
    same in every group that was aligned with it. `left_out` counts its scored trials elsewhere.
    Empty where the group shares no cell with the others.
    """

    rows: EpisodeRows
    cells: Codes
    left_out: int


def align(groups: Sequence[EpisodeRows], apart: Collection[str] = ()) -> list[Aligned]:
    """Each group over the cells that all share; `apart` are the fields that tell groups apart.

    Groups without a scored trial bind nobody. Where no cell is common to all others, those with
    the fewest cells are left empty, one after another, until the rest have one; a lone group that
    is left shares nothing with anybody, and is empty too.
    """
    codes = codes_of(groups, [name for name in CELL if name not in apart])
    scored = [group.is_value("outcome", "completed") for group in groups]
    seen = {
        i: np.unique(code[mask])
        for i, (code, mask) in enumerate(zip(codes, scored, strict=True))
        if mask.any()
    }
    common = _common(seen)
    return [
        _restricted(group, code, mask, common.get(i))
        for i, (group, code, mask) in enumerate(zip(groups, codes, scored, strict=True))
    ]


def codes_of(groups: Sequence[EpisodeRows], names: Sequence[str]) -> list[Codes]:
    """A number for each row, equal exactly where rows (of any of the groups) agree in `names`."""
    if not groups:
        return []
    sizes = [len(group) for group in groups]
    found = np.zeros(sum(sizes), np.int64)
    for name in names:
        values = np.concatenate([group.as_numbers(name) for group in groups])
        unique, inverse = np.unique(values, return_inverse=True)
        if len(unique) > 1:
            _, found = np.unique(found * len(unique) + inverse, return_inverse=True)
    return np.split(found, np.cumsum(sizes)[:-1])


def _common(seen: dict[int, Codes]) -> dict[int, Codes]:
    """The shared cells, for each group that has them."""
    left, alone = dict(seen), len(seen) == 1
    while left:
        shared = reduce(np.intersect1d, left.values())
        if len(shared):
            return dict.fromkeys(left, shared) if len(left) > 1 or alone else {}
        del left[min(left, key=lambda i: (len(left[i]), -i))]
    return {}


def _restricted(
    group: EpisodeRows, codes: Codes, scored: npt.NDArray[np.bool_], shared: Codes | None
) -> Aligned:
    inside = np.zeros(len(group), bool) if shared is None else np.isin(codes, shared)
    return Aligned(group.at(inside), codes[inside], int((scored & ~inside).sum()))


def balanced(aligned: Aligned, counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """A weight for each counted row: each cell weighs the same, and all sum up to their number."""
    cells, inverse, sizes = np.unique(
        aligned.cells[counted], return_inverse=True, return_counts=True
    )
    return np.asarray(counted.sum() / max(1, len(cells)) / sizes[inverse], np.float64)
