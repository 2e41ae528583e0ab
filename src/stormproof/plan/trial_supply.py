"""Trials handed out one at a time, only when a slot would otherwise stay idle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from stormproof.domain.trials import Trial
from stormproof.plan.planning import Plan


class TrialSupply:
    """The plan's unfinished trials, per model and, with even sharding, per endpoint of it.

    `take(model, None)` gives the model's next trial, `take(model, number)` the next one of the
    part that belongs to the endpoint with that number. Parts are dealt like cards, so that they
    are equal, the first ones get the remainder, and each is a fair picture of the whole.
    """

    def __init__(self, plan: Plan) -> None:
        self._strict = plan.options.strict_levels
        # One for each model of the plan, for good; an exhausted queue stays.
        self._queues = {m: _Queue(plan, m) for m in plan.models}

    def take(self, model: str, shard: int | None = None) -> Trial | None:
        """The next trial, or None when there is none now (strict levels) or none any more."""
        queue = self._queues.get(model)
        return queue.take(shard, strict=self._strict) if queue else None

    def remaining(self, model: str) -> int:
        """Trials of the model that have not been taken."""
        return self._queues[model].remaining if model in self._queues else 0

    def ended(self, trial: Trial) -> None:
        """A taken trial has ended, whatever its outcome; with strict levels the next may open."""
        self._queues[trial.model].ended(trial)


class _Queue:
    """One model's trials. Each part is a cursor over the same order; nothing is held in lists."""

    def __init__(self, plan: Plan, model: str) -> None:
        numbers = [e.number for e in plan.endpoints if e.model == model]
        # Trials that have not been taken; only `take` lowers it.
        self.remaining = sum(c.remaining for c in plan.cells if c.model == model)
        # Level → its trials that have not ended, taken or not. A level that has none is not in it.
        # Its sum is `remaining` and the number of `_levels`.
        self._open = Counter[int]()
        for cell in plan.cells:
            if cell.model == model and cell.remaining:
                self._open[cell.level] += cell.remaining
        # Of the trials that were taken and have not ended: trial id → level.
        self._levels: dict[str, int] = {}
        self._plan, self._model, self._numbers = plan, model, numbers
        # One for each shard that has asked, made when it first does: with even sharding a cursor
        # for each number, else the one under None, never both.
        self._heads: dict[int | None, _Cursor] = {}

    def take(self, shard: int | None, *, strict: bool) -> Trial | None:
        head = self._heads.get(shard)
        if head is None:
            head = self._heads[shard] = _Cursor(
                self._plan.trials(self._model), shard, self._numbers
            )
        if head.level is None or (strict and any(level < head.level for level in self._open)):
            return None
        level, trial = head.pop()
        self._levels[trial.trial_id] = level
        self.remaining -= 1
        return trial

    def ended(self, trial: Trial) -> None:
        level = self._levels.pop(trial.trial_id)
        self._open[level] -= 1
        if not self._open[level]:
            del self._open[level]


class _Cursor:
    """Every n-th trial of an order, with a look at the next one's level (None: at the end)."""

    def __init__(
        self, trials: Iterator[tuple[int, Trial]], shard: int | None, numbers: Sequence[int]
    ) -> None:
        # Stands just behind `_next`.
        self._trials = trials
        self._skip = 0 if shard is None else len(numbers) - 1
        # What `pop` will give; None for good once the order is at its end.
        self._next = self._advance(0 if shard is None else numbers.index(shard))

    @property
    def level(self) -> int | None:
        return self._next[0] if self._next else None

    def pop(self) -> tuple[int, Trial]:
        assert self._next is not None  # noqa: S101  asked for after `level` was not None
        taken, self._next = self._next, self._advance(self._skip)
        return taken

    def _advance(self, skip: int) -> tuple[int, Trial] | None:
        for _ in range(skip):
            next(self._trials, None)
        return next(self._trials, None)
