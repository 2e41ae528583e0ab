"""How a results folder stands: what all its runs together planned, and what has come of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import Condition, TaskType
from stormproof.domain.pool import Endpoint
from stormproof.errors import StoreCorrupt, StormproofError
from stormproof.plan.planning import make_plan
from stormproof.plan.run_options import RunOptions
from stormproof.store import read_runs

CellKey = tuple[str, Condition, TaskType]


class CellStatus(Struct, frozen=True):
    """One cell. What ended as `infrastructure` is among the `remaining`: it is run again.

    What a provider's filter ended is `blocked`: it has no score and is not run again.
    """

    model: str
    condition: Condition
    task_type: TaskType
    planned: int
    scored: int
    blocked: int
    infrastructure: int

    @property
    def remaining(self) -> int:
        """What the next run would do."""
        return self.planned - self.scored - self.blocked


def folder_status(
    runs: Sequence[tuple[RunOptions, Sequence[Endpoint]]], outcomes: Mapping[str, str]
) -> tuple[CellStatus, ...]:
    """The union of the runs' plans, cell by cell. `outcomes` maps trial id → outcome."""
    planned: dict[CellKey, set[str]] = {}
    for options, endpoints in runs:
        plan = make_plan(options, endpoints, simulated=True)  # trials alone: no limit is divided
        for model in plan.models:
            for _, trial in plan.trials(model):
                key = (trial.model, trial.condition, trial.task_type)
                planned.setdefault(key, set()).add(trial.trial_id)
    return tuple(_cell(key, trials, outcomes) for key, trials in planned.items())


def recorded_runs(folder: Path) -> list[tuple[RunOptions, list[Endpoint]]]:
    """Options and endpoints of every run that the folder has seen."""
    return [
        (msgspec.convert(r["options"], RunOptions), msgspec.convert(r["endpoints"], list[Endpoint]))
        for r in read_runs(folder)
    ]


def recorded_endpoints(run: Mapping[str, Any]) -> list[Endpoint]:
    """The endpoints of a run's record. Raises StoreCorrupt where they cannot be read."""
    try:
        return msgspec.convert(run.get("endpoints", ()), list[Endpoint])
    except msgspec.ValidationError as error:
        raise StoreCorrupt(
            f"runs.jsonl: the endpoints of a run cannot be read: {error}",
            hint="use the Stormproof that wrote the folder, or leave --prices out",
        ) from None


def planned_cells(folder: Path) -> Mapping[CellKey, int]:
    """Trials planned by all runs of the folder together; none where their records do not say."""
    try:
        cells = folder_status(recorded_runs(folder), {})
    except (msgspec.ValidationError, KeyError, StormproofError):
        return {}
    return {(cell.model, cell.condition, cell.task_type): cell.planned for cell in cells}


def _cell(key: CellKey, trials: set[str], outcomes: Mapping[str, str]) -> CellStatus:
    counts = Counter(outcomes[trial] for trial in trials if trial in outcomes)
    kinds = (counts["completed"], counts["blocked"], counts["infrastructure"])
    return CellStatus(*key, len(trials), *kinds)
