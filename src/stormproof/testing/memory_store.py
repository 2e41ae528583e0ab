"""A store without a disk, for tests: it lives as long as the object."""

from __future__ import annotations

from typing import Any

import anyio.lowlevel
from msgspec.structs import replace

from stormproof.domain.episodes import FINAL, Episode, Turn
from stormproof.errors import StoreError


class MemoryStore:
    """Keeps the promises of `stormproof.run_desk.RunStore`; give it to `run(…, store=…)`.

    Given to a second run it resumes, as a results folder does. Awaiting it lets others go first,
    as a disk would; what it was given is kept even where its caller is then cancelled.
    """

    def __init__(self) -> None:
        # Nothing is ever found damaged here.
        self.notices: tuple[str, ...] = ()
        # Lines on endpoints, oldest first.
        self.samples: list[dict[str, Any]] = []
        # Trial id → turns 0, 1, … of one conversation, without a gap.
        self._turns: dict[str, list[Turn]] = {}
        # Trial id → its standing episode without turns: those are in _turns.
        self._ended: dict[str, Episode] = {}

    def episodes(self) -> list[Episode]:
        """The standing episode of every trial that has ended, whole, in order of first end."""
        return [
            replace(episode, turns=tuple(self._turns[trial_id][: len(episode.turns)]))
            for trial_id, episode in self._ended.items()
        ]

    def take_finished(self) -> set[str]:
        """Ids of the trials that have come to a final end."""
        return {t for t, episode in self._ended.items() if episode.outcome in FINAL}

    @property
    def blocked(self) -> frozenset[str]:
        """Of those, the ones that a provider's filter ended."""
        return frozenset(t for t, e in self._ended.items() if e.outcome == "blocked")

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns so far; () when there are none."""
        return tuple(self._turns.get(trial_id, ()))

    async def turn(self, trial_id: str, turn: Turn) -> None:
        """Keep a turn in place of the one that had its number.

        Turns after it stay where this is the same answer, read in another way.
        """
        turns = self._turns.setdefault(trial_id, [])
        if len(turns) < turn.index:
            raise StoreError(f"turn {len(turns)} of trial {trial_id} is missing before it")
        is_same = turn.index < len(turns) and turns[turn.index].answer == turn.answer
        turns[turn.index : turn.index + 1 if is_same else None] = [turn]
        await anyio.lowlevel.checkpoint()

    async def episode(self, episode: Episode) -> None:
        """Keep the end of a trial in place of an earlier one, and the turns that are missing."""
        trial_id, count = episode.trial.trial_id, len(episode.turns)
        turns = self._turns.setdefault(trial_id, [])
        turns[:] = [*turns[:count], *episode.turns[len(turns) :]]
        self._ended[trial_id] = episode
        await anyio.lowlevel.checkpoint()

    async def seal(self) -> None:
        """Everything is in its final form already."""
        await anyio.lowlevel.checkpoint()

    def append_sample(self, record: dict[str, Any]) -> None:
        """Keep a line on an endpoint."""
        self.samples.append(record)
