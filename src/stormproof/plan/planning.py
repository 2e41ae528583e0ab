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
from stormproof.plan.prices import price_notices, priced
from stormproof.plan.run_options import RunOptions
from stormproof.plan.scenarios import GridCell, grid, prompt_type_count
from stormproof.plan.shards import RunShare, Shard, planned_by_model, share_of

_P = TypeVar("_P", GridCell, "PlannedCell")

MAX_TRIALS = 1_000_000  # beyond it a plan is more likely a slip of the hand than a wish


class PlannedCell(Struct, frozen=True):
    """model × condition × task type, with the numbers of trials planned and already finished.

    `blocked` of those that are `done` have no score: a provider's filter ended them.
    """

    model: str
    condition: Condition
    task_type: TaskType
    level: int
    scenarios: tuple[str, ...]
    planned: int
    done: int
    blocked: int = 0

    @property
    def remaining(self) -> int:
        """Trials yet to run."""
        return self.planned - self.done


class Plan(Struct, frozen=True):
    """What a run will do. `pool` is what it was laid over: every shard's endpoints, undivided.

    `left_out`: models that have trials which this run will not do. For each a byte per trial, in
    order: 1 where it is finished, or another shard's. The plan is laid once, so what a run
    finishes changes nothing in what it hands out, and nothing here grows with it.
    `share` says in words which part of the grid it is; "" for all of it. The options say by what
    it was divided.
    """

    options: RunOptions
    endpoints: tuple[Endpoint, ...]
    cells: tuple[PlannedCell, ...]
    left_out: Mapping[str, bytes]
    pool: tuple[Endpoint, ...]
    share: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """Models of the run, in the pool's order."""
        return tuple(dict.fromkeys(cell.model for cell in self.cells))

    @property
    def planned(self) -> int:
        """Trials of the grid, or of this share of it."""
        return sum(cell.planned for cell in self.cells)

    @property
    def done(self) -> int:
        """Trials finished earlier."""
        return sum(cell.done for cell in self.cells)

    @property
    def remaining(self) -> int:
        """Trials yet to run."""
        return self.planned - self.done

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of the plan before it is run, a line each."""
        debug_log = _of_the_debug_log(self.options, self.endpoints)
        return (*debug_log, *price_notices(self.endpoints, self.options.prices))

    def trials(self, model: str) -> Iterator[tuple[int, Trial]]:
        """The model's unfinished trials with their levels, in the order in which to start them.

        Level by level; within a level the first instance of every cell, then the second of
        every cell …, so that any prefix of the work is a fair picture of the whole.
        """
        from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  heavy; --help does without

        options = self.options
        ordered = _ordered([c for c in self.cells if c.model == model], options)
        left_out = self.left_out.get(model, repeat(0))
        for (cell, task_id, replicate), is_left_out in zip(ordered, left_out, strict=False):
            if is_left_out:
                continue
            yield cell.level, make_trial(
                suite=WORKFLOWS.version, seed=options.seed, model=model, task_id=task_id,
                task_type=cell.task_type, condition=cell.condition, replicate=replicate,
            )  # fmt: skip


def endpoints_for(options: RunOptions, pool: PoolFile | None = None) -> tuple[Endpoint, ...]:
    """The endpoints of the pool, or of the options' where none is given; no key is read."""
    endpoints = expand(
        pool or load_pool(options.pool or SHIPPED_POOL),
        rate_mode=options.rate_mode,
        prompt_types=prompt_type_count(options),
        models=options.models,
        max_workers=options.max_workers,
        qps=options.qps,
    )
    return priced(endpoints, options.prices) if options.prices else endpoints


def plan_run(options: RunOptions, done: AbstractSet[str] = frozenset()) -> Plan:
    """From options to a plan: pool file, endpoints, grid, less what is `done`."""
    return make_plan(options, endpoints_for(options), done, simulated=not options.pool)


def _of_the_debug_log(options: RunOptions, endpoints: Sequence[Endpoint]) -> Iterator[str]:
    """What a narrowed debug log will not do."""
    number = options.debug_process_num
    if number is None:
        return
    if not options.debug_log:
        yield f"DEBUG_PROCESS_NUM={number} narrows a debug log, and none is written: DEBUG_LOG=true"
    if endpoints and number not in {endpoint.number for endpoint in endpoints}:
        last = max(endpoint.number for endpoint in endpoints)
        yield f"DEBUG_PROCESS_NUM={number}: this run has no shard {number}; its last is {last}"


def make_plan(
    options: RunOptions,
    endpoints: Sequence[Endpoint],
    done: AbstractSet[str] = frozenset(),
    *,
    simulated: bool = False,
    blocked: AbstractSet[str] = frozenset(),
) -> Plan:
    """Lay the grid over the endpoints' models, less the trials whose ids are in `done`.

    `blocked` are those of them that have no score.
    Endpoints of models that the share does not use are left out, and the rest numbered anew.
    `simulated`: whether the endpoints are an emulator's that this run alone uses. Raises
    `PlanError` where the grid is empty or beyond `MAX_TRIALS`, or cannot be shared so.
    """
    parts, share = _shared_grid(options, endpoints, simulated=simulated)
    if share.trials or options.trial or done:
        sorted_out = _sorted_out(options, parts, share.trials, done, blocked)
        left_out, planned, counts, unscored = sorted_out
        own = tuple(part for part in parts if planned[part])
        if len(own) < len(parts):  # `left_out` goes by the cells that there are
            parts, left_out = own, _sorted_out(options, own, share.trials, done, blocked)[0]
    else:
        each = options.num_instances * options.replicates
        left_out, planned = {}, Counter(dict.fromkeys(parts, each))
        counts, unscored = Counter[GridCell](), Counter[GridCell]()
    if options.trial and not planned.total():
        raise PlanError(
            f"--trial: the grid has no trial {options.trial}",
            hint="give the options of the run that it belongs to, without --shard",
        )
    cells = tuple(
        PlannedCell(
            **msgspec.structs.asdict(part),
            planned=planned[part],
            done=counts[part],
            blocked=unscored[part],
        )
        for part in parts
    )
    models = {cell.model for cell in cells}
    used = [e for e in share.endpoints if e.model in models]
    numbered = tuple(msgspec.structs.replace(e, number=n) for n, e in enumerate(used))
    settled = msgspec.structs.replace(options, shard_by=share.by)
    return Plan(settled, numbered, cells, left_out, tuple(endpoints), share.note)


def own_endpoints(
    options: RunOptions, endpoints: Sequence[Endpoint], *, simulated: bool = False
) -> tuple[Endpoint, ...]:
    """Those that the options' share of the plan may use; raises like `make_plan`."""
    return _shared_grid(options, endpoints, simulated=simulated)[1].endpoints


def _shared_grid(
    options: RunOptions, endpoints: Sequence[Endpoint], *, simulated: bool
) -> tuple[tuple[GridCell, ...], RunShare]:
    """The parts of the grid whose models are in this run's share, and the share."""
    parts = grid(options, tuple(dict.fromkeys(e.model for e in endpoints)))
    _refuse_the_huge(options, len(parts))
    each = options.num_instances * options.replicates
    planned = planned_by_model((part.model, each) for part in parts)
    share = share_of(options.shard, options.shard_by, endpoints, planned, simulated=simulated)
    return tuple(part for part in parts if part.model in share.models), share


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


def _sorted_out(
    options: RunOptions,
    parts: Sequence[GridCell],
    own: Shard | None,
    done: AbstractSet[str],
    blocked: AbstractSet[str],
) -> tuple[dict[str, bytes], Counter[GridCell], Counter[GridCell], Counter[GridCell]]:
    """See `Plan.left_out`; of each part how many trials are ours, done, and done without score."""
    from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  heavy; --help does without

    suite = WORKFLOWS.version
    flags = {part.model: bytearray() for part in parts}
    planned, counts, unscored = Counter[GridCell](), Counter[GridCell](), Counter[GridCell]()
    for part, task_id, replicate in _ordered(parts, options):
        trial_id = trial_id_of(suite, options.seed, part.model, task_id, part.condition, replicate)
        is_ours = options.trial in {"", trial_id} and (own is None or own.has(trial_id))
        is_finished = trial_id in done
        flags[part.model].append(is_finished or not is_ours)
        planned[part] += is_ours
        counts[part] += is_ours and is_finished
        unscored[part] += is_ours and trial_id in blocked
    return {model: bytes(each) for model, each in flags.items()}, planned, counts, unscored


def _ordered(parts: Sequence[_P], options: RunOptions) -> Iterator[tuple[_P, str, int]]:
    """(part, task id, replicate) in supply order; the tasks of all parts are the same ones."""
    from stormproof.suites.workflows import WORKFLOWS  # noqa: PLC0415  heavy; --help does without

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
