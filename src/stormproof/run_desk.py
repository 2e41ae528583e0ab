"""Where a run's trials come from and its records go.

`RunStore` is what a run needs of whatever keeps its records; `RunDesk` gives its trials to whoever
works for it, and keeps what comes of them.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, Protocol

import anyio

from stormproof.domain.episodes import Episode, Turn
from stormproof.domain.trials import Trial
from stormproof.episode import Reread, RereadCount
from stormproof.plan import Plan, TrialSupply
from stormproof.progress import Counts


class RunStore(Protocol):
    """Where a run keeps its records, and finds those of earlier runs.

    Kept once `turn` or `episode` has returned, whatever ends the process. One episode per trial.
    Works for any number of trials at once; one trial's turns come in order.
    """

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of how the records were found."""
        ...

    @property
    def blocked(self) -> AbstractSet[str]:
        """Ids of the finished trials that a provider's filter ended. Asked once a run."""
        ...

    def take_finished(self) -> set[str]:
        """Ids of the trials that are final: they are not run again. Asked once a run."""
        ...

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns that are paid for, of a trial that is not final; () when there are none."""
        ...

    async def turn(self, trial_id: str, turn: Turn) -> None:
        """Keep a turn, in the place of the one that had its number.

        Turns after it stay where this is the same answer, read in another way.
        """
        ...

    async def episode(self, episode: Episode) -> None:
        """Keep the end of a trial, and any turn of it that is not there."""
        ...

    async def seal(self) -> None:
        """A run is over: bring what has ended into its final form."""
        ...

    def append_sample(self, record: dict[str, Any]) -> None:
        """Keep a line on an endpoint: telemetry, which may be lost."""
        ...


class RunDesk:
    """The run's own desk: gives out the plan's trials, and keeps what comes of them.

    Keeping is shielded from cancellation, which would take nothing back from the store: what is
    kept must be counted.
    """

    def __init__(self, plan: Plan, store: RunStore, counts: Counts) -> None:
        # Trials leave it by `take`, each once; `left` follows for each that has left it.
        self._trials = TrialSupply(plan)
        # Written to only for trials that `take` gave and that have not `left`.
        self._store = store
        # Counts what the store has acknowledged: all of it, and nothing else.
        self._counts = counts
        # Journalled turns that came out differently now, and were kept anew.
        self.reread_count = RereadCount()

    def take(self, model: str, shard: int | None) -> Trial | None:
        """See `Desk.take`."""
        trial = self._trials.take(model, shard)
        if trial is not None:
            self._counts.began()
        return trial

    def remaining(self, model: str) -> int:
        """See `Desk.remaining`."""
        return self._trials.remaining(model)

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """See `Desk.journalled`."""
        return self._store.journalled(trial_id)

    async def turn(self, trial: Trial, turn: Turn) -> None:
        """See `Desk.turn`. No scope of its own for each turn, which would cost more than counting.

        Where it is cancelled nobody knows how far the store has come; keeping a turn once more
        changes nothing.
        """
        try:
            await self._store.turn(trial.trial_id, turn)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._store.turn(trial.trial_id, turn)
            self._counts.turn(turn)
            raise
        self._counts.turn(turn)

    async def reread(self, trial: Trial, reread: Reread) -> None:
        """See `Desk.reread`."""
        self.reread_count.add(reread)
        for turn in reread.turns:
            await self._store.turn(trial.trial_id, turn)

    async def episode(self, episode: Episode) -> None:
        """See `Desk.episode`."""
        with anyio.CancelScope(shield=True):
            await self._store.episode(episode)
            self._counts.ended(episode)

    def left(self, trial: Trial) -> None:
        """See `Desk.left`."""
        self._counts.left()
        self._trials.ended(trial)
