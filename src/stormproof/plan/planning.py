"""The plan: cells, and the ordered supply of their trials.

A plan is small whatever the number of trials: trials are made one by one when they are taken.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby, repeat
from operator import attrgetter
from typing import TypeVar

import msgspec
from msgspec import Struct

from stormproof.domain.conditions import Condition, TaskType
from stormproof.domain.pool import Endpoint
from stormproof.domain.trials import Trial, make_trial, trial_id_of
from stormproof.errors import PlanError
from stormproof.plan.endpoints import expand
from stormproof.plan.poolfile import SHIPPED_POOL, PoolFile, load_pool
from stormproof.plan.run_options import RunOptions
from stormproof.plan.scenarios import GridCell, grid, prompt_type_count

_P = TypeVar("_P", GridCell, "PlannedCell")

MAX_TRIALS = 1_000_000  # beyond it a plan is more likely a slip of the hand than a wish


class PlannedCell(Struct, frozen=True):
    """model × condition × task type, with the numbers of trials planned and already finished."""

    model: str
    condition: Condition
    task_type: TaskType
    level: int
    scenarios: tuple[str, ...]
    planned: int
    done: int

    @property
    def remaining(self) -> int:
        """Trials yet to run."""
        return self.planned - self.done


class Plan(Struct, frozen=True):
    """What a run will do. `finished`: models that have trials which will not be run again.

    For each a byte per trial, in order: 1 where it is finished. The plan is laid once, so what a
    run finishes changes nothing in what it hands out, and nothing here grows with it.
    """

    options: RunOptions
    endpoints: tuple[Endpoint, ...]
    cells: tuple[PlannedCell, ...]
    finished: Mapping[str, bytes]

    @property
    def models(self) -> tuple[str, ...]:
        """Models of the run, in the pool's order."""
        return tuple(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def planned(self) -> int:
        """Trials of the whole grid."""
        return sum(cell.planned for cell in self.cells)

    @property
    def done(self) -> int:
        """Trials finished earlier."""
        return sum(cell.done for cell in self.cells)

    @property
    def remaining(self) -> int:
        """Trials yet to run."""
        return self.planned - self.done

    def trials(self, model: str) -> Iterator[tuple[int, Trial]]:
        """The model's unfinished trials with their levels, in the order in which to start them.

        Level by level; within a level the first instance of every cell, then the second of
        every cell …, so that any prefix of the work is a fair picture of the whole.
        """
        from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  heavy; --help does without

        options = self.options
        ordered = _ordered([c for c in self.cells if c.model == model], options)
        finished = self.finished.get(model, repeat(0))
        for (cell, task_id, replicate), is_finished in zip(ordered, finished, strict=False):
            if is_finished:
                continue
            yield cell.level, make_trial(
                suite=WORKFLOWS.version, seed=options.seed, model=model, task_id=task_id,
                task_type=cell.task_type, condition=cell.condition, replicate=replicate,
            )  # fmt: skip


def endpoints_for(options: RunOptions, pool: PoolFile | None = None) -> tuple[Endpoint, ...]:
    """The endpoints of the pool, or of the options' where none is given; no key is read."""
    return expand(
        pool or load_pool(options.pool or SHIPPED_POOL),
        rate_mode=options.rate_mode,
        prompt_types=prompt_type_count(options),
        models=options.models,
        max_workers=options.max_workers,
        qps=options.qps,
    )


def plan_run(options: RunOptions, done: AbstractSet[str] = frozenset()) -> Plan:
    """From options to a plan: pool file, endpoints, grid, less what is `done`."""
    return make_plan(options, endpoints_for(options), done)


def make_plan(
    options: RunOptions, endpoints: Sequence[Endpoint], done: AbstractSet[str] = frozenset()
) -> Plan:
    """Lay the grid over the endpoints' models, less the trials whose ids are in `done`.

    Endpoints of models that the grid does not use are left out, and the rest numbered anew.
    Raises `PlanError` where the grid is empty or beyond `MAX_TRIALS`.
    """
    parts = grid(options, tuple(dict.fromkeys(e.model for e in endpoints)))
    _refuse_the_huge(options, len(parts))
    finished, counts = _finished(options, parts, done) if done else ({}, Counter[GridCell]())
    planned = options.num_instances * options.replicates
    cells = tuple(
        PlannedCell(**msgspec.structs.asdict(part), planned=planned, done=counts[part])
        for part in parts
    )
    models = {cell.model for cell in cells}
    used = [e for e in endpoints if e.model in models]
    numbered = tuple(msgspec.structs.replace(e, number=n) for n, e in enumerate(used))
    return Plan(options, numbered, cells, finished)


def _refuse_the_huge(options: RunOptions, parts: int) -> None:
    total = parts * options.num_instances * options.replicates
    if total > MAX_TRIALS:
        most = MAX_TRIALS // (parts * options.replicates)
        raise PlanError(
            f"the grid holds {total:,} trials ({parts:,} cells × {options.num_instances:,} "
            f"instances × {options.replicates:,} replicates); allowed: {MAX_TRIALS:,}",
            hint=f"--num-instances {most} is the most that this grid takes"
            if most
            else "name fewer models, prompt types, rates or difficulties, or fewer replicates",
        )


def _finished(
    options: RunOptions, parts: Sequence[GridCell], done: AbstractSet[str]
) -> tuple[dict[str, bytes], Counter[GridCell]]:
    """See `Plan.finished`; and how many trials of each part are."""
    from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  likewise

    suite = WORKFLOWS.version
    flags = {part.model: bytearray() for part in parts}
    counts = Counter[GridCell]()
    for part, task_id, replicate in _ordered(parts, options):
        is_finished = (
            trial_id_of(suite, options.seed, part.model, task_id, part.condition, replicate) in done
        )
        flags[part.model].append(is_finished)
        if is_finished:
            counts[part] += 1
    return {model: bytes(each) for model, each in flags.items()}, counts


def _ordered(parts: Sequence[_P], options: RunOptions) -> Iterator[tuple[_P, str, int]]:
    """(part, task id, replicate) in supply order; the tasks of all parts are the same ones."""
    from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  likewise

    ids_of = functools.cache(WORKFLOWS.task_ids)
    by_level = sorted(parts, key=attrgetter("level"))
    for _, level_parts in groupby(by_level, key=attrgetter("level")):
        tasks = [
            (p, ids_of(p.task_type, p.condition.difficulty, options.num_instances))
            for p in level_parts
        ]
        for replicate in range(options.replicates):
            for instance in range(options.num_instances):
                for part, ids in tasks:
                    yield part, ids[instance], replicate
