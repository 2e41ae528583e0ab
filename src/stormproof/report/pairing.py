"""The same tasks under two or more treatments, side by side: what the coupled weather allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stormproof.report.frame import Frame
from stormproof.store import CONDITION_COLUMNS, EPISODE_COLUMNS

Array = npt.NDArray[np.float64]

_SETTING = ("model", *CONDITION_COLUMNS, "replicate")
_NUMERIC = {name for name in _SETTING if EPISODE_COLUMNS[name] is not str}


def matched(groups: Sequence[Frame], treatment: str) -> list[Array]:
    """Each group's success per task, over the settings that occur in every group.

    A setting is a task with all of its condition but the `treatment` that differs between the
    groups. Values are means over a task's settings, in [0, 1]; all arrays have the same tasks
    in the same order. Infrastructure outcomes take their setting out of all groups.
    """
    scored = [group.at(~group.is_value("outcome", "infrastructure")) for group in groups]
    keys, sizes = _keys(scored, treatment), [len(group) for group in scored]
    if not min(sizes, default=0):
        return [np.zeros(0) for _ in groups]
    unique, inverse = np.unique(keys, axis=1, return_inverse=True)
    parts = np.split(inverse.ravel(), np.cumsum(sizes)[:-1])
    count = unique.shape[1]
    n = [np.bincount(part, minlength=count) for part in parts]
    common = np.all(np.vstack(n) > 0, axis=0)
    _, task = np.unique(unique[0, common], return_inverse=True)
    return [
        _by_task(group, part, seen, common, task)
        for group, part, seen in zip(scored, parts, n, strict=True)
    ]


def _keys(groups: Sequence[Frame], treatment: str) -> Array:
    names = ["task_id", *(name for name in _SETTING if name != treatment)]
    if treatment == "prompt_type":  # severity says how wrong a flawed plan is: part of the prompt
        names.remove("severity")
    columns = [np.vstack([_column(group, name) for name in names]) for group in groups]
    return np.asarray(np.hstack(columns), np.float64)


def _column(group: Frame, name: str) -> Array:
    numeric = name in _NUMERIC
    values = group.numbers(name) if numeric else group.codes(name).astype(float)
    return np.asarray(np.nan_to_num(values, nan=-1.0), np.float64)


def _by_task(
    group: Frame,
    part: npt.NDArray[np.int64],
    seen: npt.NDArray[np.int64],
    common: npt.NDArray[np.bool_],
    task: npt.NDArray[np.int64],
) -> Array:
    full = group.is_value("success", "full").astype(float)
    per_setting = np.bincount(part, full, minlength=len(seen))[common] / seen[common]
    return np.asarray(np.bincount(task, per_setting) / np.bincount(task))
