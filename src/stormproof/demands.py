"""Whether a results folder meets what is required of it: a verdict for each model or cell.

A requirement that chance may explain either way is `undecided`; what is missing is a breach.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import Struct

from stormproof.domain.conditions import Condition
from stormproof.errors import ConfigError
from stormproof.plan.folder_status import planned_cells
from stormproof.plan.mistakes import did_you_mean, shown
from stormproof.report.cell_figures import CellFigures, figures_of, whole
from stormproof.report.common_cells import align
from stormproof.report.completeness import CellCount, merged
from stormproof.report.condition_words import condition_key, condition_label, condition_of
from stormproof.report.episode_rows import EpisodeRows
from stormproof.report.paired_comparisons import paired
from stormproof.report.report_table import Kind, visible
from stormproof.report.report_table import shown as written
from stormproof.report.results import Results, open_results
from stormproof.report.two_folders import on_one_scale
from stormproof.stats import Contrast, Rate, clustered, unpaired_difference, wilson
from stormproof.store import turn_table

By = Literal["model", "cell"]
On = Literal["interval", "point", "proof"]
Status = Literal["holds", "undecided", "breached"]

MEASURES = ("success", "share")  # full success, and that as a share of the ceiling
MINIMUM = "[MODEL: ]MEASURE>=NUMBER, as success>=0.6"
_MINIMUM = re.compile(r"(?:(?P<model>.+):\s+)?(?P<measure>\w+)\s*>=\s*(?P<least>\d*\.?\d+)")
_ALIKE = 1e-9  # closer figures are equal but for rounding
_Key = tuple[str, Condition | None]  # the condition is None where models are judged over all


class Minimum(Struct, frozen=True):
    """What a measure has to reach; `model` "" is every model."""

    measure: str
    least: float
    model: str = ""


class Demands(Struct, frozen=True):
    """All that is required. Shares are of 1.

    Without `max_infra` no trial may have ended by infrastructure; without `max_unread` nothing is
    said of turns that could not be read. `on` says when a figure breaches: `interval` where its
    95 % interval lies beyond, `point` where the estimate does, `proof` where the interval does
    not lie on the right side as a whole.
    """

    minimums: tuple[Minimum, ...] = ()
    baseline: Path | None = None
    margin: float = 0.05
    max_infra: float | None = None
    max_unread: float | None = None
    by: By = "model"
    on: On = "interval"


class Verdict(Struct, frozen=True):
    """One requirement of one model, or of one cell where `condition` is not "".

    `found` says it in words; the figures are None where it is no matter of an interval.
    """

    requirement: str
    model: str
    condition: str
    status: Status
    found: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None


class Checked(Struct, frozen=True):
    """A folder's verdicts."""

    results: str
    simulated: bool
    by: By
    on: On
    verdicts: tuple[Verdict, ...]

    @property
    def breaches(self) -> tuple[Verdict, ...]:
        """What was not met."""
        return tuple(v for v in self.verdicts if v.status == "breached")

    @property
    def undecided(self) -> tuple[Verdict, ...]:
        """What the interval says neither way."""
        return tuple(v for v in self.verdicts if v.status == "undecided")


class _Group(Struct, frozen=True):
    """What is judged together: its counts, cell by cell, and its trials."""

    cells: tuple[CellCount, ...]
    rows: EpisodeRows


def parse_minimum(text: str) -> Minimum:
    """Read `success>=0.6` or `MODEL: success>=0.6`. Raises ConfigError."""
    match = _MINIMUM.fullmatch(text.strip())
    if match is None or match["measure"] not in MEASURES or float(match["least"]) > 1:
        raise ConfigError(
            f"--min: found {shown(text)}; allowed: {MINIMUM}, with a number from 0 to 1",
            hint=f"measures are {' and '.join(MEASURES)}",
        )
    return Minimum(match["measure"], float(match["least"]), match["model"] or "")


def check(folder: Path, demands: Demands) -> Checked:
    """Judge a results folder. Raises ConfigError where a demand or a folder cannot be judged."""
    results = _opened(folder)
    _check_models(demands.minimums, results.models)
    unread = _unread_turns(folder) if demands.max_unread is not None else {}
    verdicts: list[Verdict] = []
    for key, group in _groups(results, demands.by).items():
        verdicts += _completeness(key, group, demands)
        verdicts += _rates(key, group, demands, unread)
    if demands.baseline is not None:
        verdicts += _against(results, _opened(demands.baseline), demands)
    return Checked(str(folder), results.simulated, demands.by, demands.on, tuple(verdicts))


def _opened(folder: Path) -> Results:
    results = open_results(folder)
    if not results.imported and not planned_cells(folder):
        raise ConfigError(
            f"{folder}: what was planned here cannot be read, so nothing says what is missing",
            hint=f"stormproof status {folder}",
        )
    return results


def _check_models(minimums: Sequence[Minimum], models: Sequence[str]) -> None:
    for minimum in minimums:
        if minimum.model and minimum.model not in models:
            near = did_you_mean(minimum.model, models)
            raise ConfigError(
                f"--min: found {shown(minimum.model)}; allowed: {', '.join(models)}{near}",
                hint="these are the models of the results folder",
            )


def _groups(results: Results, by: By) -> dict[_Key, _Group]:
    """Every model, or model and condition, that is planned or recorded."""
    nothing = results.episodes.at(np.zeros(len(results.episodes), bool))
    rows = _rows(results.episodes, by)
    cells: dict[_Key, list[CellCount]] = {}
    for cell in results.cells:
        cells.setdefault((cell.model, cell.condition if by == "cell" else None), []).append(cell)
    return {key: _Group(tuple(own), rows.get(key, nothing)) for key, own in cells.items()}


def _rows(episodes: EpisodeRows, by: By) -> dict[_Key, EpisodeRows]:
    names = ("model", *Condition.__struct_fields__) if by == "cell" else ("model",)
    return {
        (model, condition_of(group) if by == "cell" else None): group
        for (model, *_), group in episodes.groups(*names)
    }


def _completeness(key: _Key, group: _Group, demands: Demands) -> Iterator[Verdict]:
    """What was planned was run, and came to something, in every condition."""
    count = merged(group.cells)
    found = f"{count.not_run:,} of {count.planned:,} planned trials are not run"
    yield _plain(key, "all trials run", found, holds=not count.not_run)
    empty = [condition_label(cell.condition) for cell in group.cells if not cell.scored]
    found = f"nothing scored under {', '.join(empty)}" if empty else f"{count.scored:,} scored"
    yield _plain(key, "trials scored", found, holds=not empty)
    tried = count.scored + count.blocked + count.infrastructure
    found = f"{count.infrastructure:,} of {tried:,} trials ended by infrastructure"
    if demands.max_infra is None:
        yield _plain(key, "infrastructure = 0", found, holds=not count.infrastructure)
    else:
        lost = wilson(count.infrastructure, tried)
        yield _at_most(key, "infrastructure", lost, demands.max_infra, demands.on)


def _rates(
    key: _Key, group: _Group, demands: Demands, unread: Mapping[str, int]
) -> Iterator[Verdict]:
    figures = whole(group.rows)
    for minimum in demands.minimums:
        if minimum.model in {"", key[0]}:
            name = f"{minimum.measure} >= {minimum.least:g}"
            rate = _measured(figures, minimum.measure)
            yield _judged(key, name, rate, minimum.least, demands.on, "interval")
    if demands.max_unread is not None:
        rate = _unread_share(group.rows, unread)
        yield _at_most(key, "unread turns", rate, demands.max_unread, demands.on)


def _measured(figures: CellFigures, measure: str) -> Rate | None:
    return figures.success if measure == "success" else figures.share


def _unread_turns(folder: Path) -> Counter[str]:
    """How many turns of each trial held what looked like a tool call and could not be read."""
    turns = turn_table(folder, ["trial_id", "unread"]).to_pydict()
    pairs = zip(turns["trial_id"], turns["unread"], strict=True)
    return Counter(trial_id for trial_id, unread in pairs if unread)


def _unread_share(rows: EpisodeRows, unread: Mapping[str, int]) -> Rate:
    """The share of turns of scored trials, clustered by trial: a model's form is no task's."""
    scored = rows.at(rows.is_value("outcome", "completed"))
    lost = np.array([unread.get(scored.value("trial_id", i), 0) for i in range(len(scored))], float)
    return clustered(lost, np.nan_to_num(scored.numbers("turns")))


def _against(now: Results, then: Results, demands: Demands) -> Iterator[Verdict]:
    """Success is no worse than the baseline's by more than the margin."""
    if now.simulated != then.simulated:
        raise ConfigError(
            "--baseline: found simulated models on one side and real ones on the other",
            hint="compare a folder with one that was answered alike",
        )
    same_tasks = (now.header.suite, now.header.seed) == (then.header.suite, then.header.seed)
    mine, theirs = (_rows(rows, demands.by) for rows in on_one_scale(now, then))
    name = f"success >= baseline - {demands.margin:g}"
    for key in sorted(mine.keys() | theirs.keys(), key=_place):
        if key not in mine or key not in theirs:
            where = "the baseline" if key in theirs else "these results"
            yield _plain(key, name, f"in {where} alone: nothing to compare with", holds=False)
            continue
        found, how = _difference(mine[key], theirs[key], same_tasks=same_tasks)
        yield _judged(key, name, found, -demands.margin, demands.on, "points", how)


def _difference(
    mine: EpisodeRows, theirs: EpisodeRows, *, same_tasks: bool
) -> tuple[Contrast | None, str]:
    """Paired by task where both ran the same ones, else over the cells that both have."""
    if same_tasks and (pair := paired([mine, theirs], "")).tasks:
        flag = f"; {pair.flag}" if pair.flag else ""
        return pair.comparison.difference, f"points, {pair.tasks:,} tasks paired{flag}"
    first, second = (figures_of(aligned).success for aligned in align([mine, theirs]))
    if not (first.n and second.n):
        return None, ""
    return unpaired_difference(
        first, second
    ), f"points, not paired, n = {first.n:,} and {second.n:,}"


def _place(key: _Key) -> tuple[object, ...]:
    model, condition = key
    return model, *(condition_key(condition) if condition else ())


def _at_most(key: _Key, what: str, rate: Rate, most: float, on: On) -> Verdict:
    return _judged(key, f"{what} <= {most:g}", rate, most, on, "interval", is_floor=False)


def _judged(
    key: _Key,
    requirement: str,
    found: Rate | Contrast | None,
    bound: float,
    on: On,
    kind: Kind,
    how: str = "",
    *,
    is_floor: bool = True,
) -> Verdict:
    """A figure against what it must reach, or must not pass where it is no floor."""
    if found is None or math.isnan(found.estimate):
        return _plain(key, requirement, "nothing to judge by", holds=False)
    low, estimate, high = found.low - bound, found.estimate - bound, found.high - bound
    if not is_floor:
        low, estimate, high = -high, -estimate, -low
    how = how or f"%, n = {found.n:,}" if isinstance(found, Rate) else how
    said = f"{written(found, kind)} {how}"
    figures = (float(found.estimate), float(found.low), float(found.high))
    return Verdict(requirement, *_named(key), _status(low, estimate, high, on), said, *figures)


def _status(low: float, estimate: float, high: float, on: On) -> Status:
    """By how an interval lies to 0, which it has to reach."""
    if on == "point":
        return "holds" if estimate >= -_ALIKE else "breached"
    if low >= -_ALIKE:
        return "holds"
    return "breached" if on == "proof" or high < -_ALIKE else "undecided"


def _plain(key: _Key, requirement: str, found: str, *, holds: bool) -> Verdict:
    return Verdict(requirement, *_named(key), "holds" if holds else "breached", found)


def _named(key: _Key) -> tuple[str, str]:
    model, condition = key
    return visible(model), visible(condition_label(condition)) if condition else ""
