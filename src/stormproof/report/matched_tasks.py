"""The same tasks under several treatments: what every paired comparison is made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from stormproof.domain.conditions import Condition
from stormproof.report.cell_figures import kinds_of
from stormproof.report.common_cells import Codes, codes_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.report_table import IfLost
from stormproof.stats import Contrast

Array = npt.NDArray[np.float64]

MAY_CHANGE = "what is lost may change this"
_SETTING = ("task_id", "model", *Condition.__struct_fields__, "replicate")


class Matched(Struct, frozen=True):
    """Each group's success per task, in [0, 1], over the settings that all groups have scored.

    A setting is a task with all of its condition but the treatment that differs between the groups.
    Values are means over a task's settings; all arrays have the same tasks in the same order, and
    `kinds` their archetypes, None where one is not known. `worst` and `best` are over the settings
    that all groups have tried, had the unscored trials failed, and had they succeeded, and
    `tried_kinds` their tasks' archetypes; empty where every trial that was tried has a score.
    """

    values: list[Array]
    kinds: Codes | None
    worst: list[Array] = []
    best: list[Array] = []
    tried_kinds: Codes | None = None

    @property
    def tasks(self) -> int:
        """How many tasks are paired."""
        return len(self.values[0]) if self.values else 0

    def bounds(
        self, estimate: Callable[[list[Array]], float], signs: Sequence[float]
    ) -> IfLost | None:
        """Between what an estimate that rises where `signs` are positive can lie."""
        if not self.worst:
            return None
        return IfLost(estimate(self.extreme(signs)), estimate(self.extreme([-s for s in signs])))

    def extreme(self, signs: Sequence[float]) -> list[Array]:
        """The groups that count for an estimate at their worst, those against it at their best."""
        pairs = zip(signs, self.worst, self.best, strict=True)
        return [worst if sign > 0 else best for sign, worst, best in pairs]

    def flag(
        self,
        found: Contrast,
        again: Callable[[list[Array], Codes | None], Contrast],
        signs: Sequence[float],
        nothing: float = 0.0,
    ) -> str:
        """A flag where the unscored trials could turn what the interval says of `nothing`."""
        if not self.worst:
            return ""
        extremes = (self.extreme(signs), self.extreme([-s for s in signs]))
        others = {reading(again(values, self.tried_kinds), nothing) for values in extremes}
        return MAY_CHANGE if others != {reading(found, nothing)} else ""


def reading(found: Contrast, nothing: float) -> int:
    """1 or -1 where the whole interval lies above or below `nothing`, else 0."""
    if math.isnan(found.estimate):
        return 0
    return int(found.low > nothing) - int(found.high < nothing)


def matched(groups: Sequence[EpisodeRows], treatment: str) -> Matched:
    """Match groups by task and setting; unscored trials take their setting out of all groups."""
    names = [name for name in _SETTING if name != treatment]
    if treatment == "prompt_type":  # severity says how wrong a flawed plan is: part of the prompt
        names.remove("severity")
    codes = codes_of(groups, names)
    count = max((int(code.max(initial=-1)) for code in codes), default=-1) + 1
    scored = [group.is_value("outcome", "completed") for group in groups]
    full = [group.is_value("success", "full") & s for group, s in zip(groups, scored, strict=True)]
    tried = [_sums(code, np.ones(len(code)), count) for code in codes]
    n = [_sums(code, s, count) for code, s in zip(codes, scored, strict=True)]
    hits = [_sums(code, f, count) for code, f in zip(codes, full, strict=True)]
    task, kinds = _tasks(groups, codes, count)
    values, common = _means(n, hits, n, task)
    found = Matched(values, None if kinds is None else kinds[common])
    if not found.tasks or all(s.all() for s in scored):
        return found
    worst, common = _means(tried, hits, tried, task)
    best, _ = _means(
        tried, [h + t - m for h, t, m in zip(hits, tried, n, strict=True)], tried, task
    )
    return replace(
        found, worst=worst, best=best, tried_kinds=None if kinds is None else kinds[common]
    )


def _sums(codes: Codes, values: npt.NDArray[Any], count: int) -> Array:
    return np.bincount(codes, values, count).astype(np.float64)


def _tasks(
    groups: Sequence[EpisodeRows], codes: Sequence[Codes], count: int
) -> tuple[Codes, Codes | None]:
    """The task of each setting, numbered from 0, and the kind of each task."""
    found = np.zeros(count, np.int64)
    kind = np.zeros(count, np.int64)
    is_known = True
    for group, code in zip(groups, codes, strict=True):
        found[code] = group.codes("task_id")
        kinds = kinds_of(group, np.arange(len(group)))
        is_known = is_known and kinds is not None
        kind[code] = 0 if kinds is None else kinds
    _, first, task = np.unique(found, return_index=True, return_inverse=True)
    return task, kind[first] if is_known and count else None


def _means(
    present: Sequence[Array], sums: Sequence[Array], sizes: Sequence[Array], task: Codes
) -> tuple[list[Array], npt.NDArray[np.intp]]:
    """Per task the mean over its settings that all groups have, and which tasks have any."""
    common = np.all(np.vstack(present) > 0, axis=0) if len(present) else np.zeros(0, bool)
    per_task = np.bincount(task[common], minlength=int(task.max(initial=-1)) + 1)
    kept = np.flatnonzero(per_task)
    return [
        np.bincount(task[common], total[common] / size[common], len(per_task))[kept]
        / per_task[kept]
        for total, size in zip(sums, sizes, strict=True)
    ], kept
