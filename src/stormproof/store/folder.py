"""The results folder as its one writer sees it: open, resume, acknowledge, seal."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from stormproof.domain.episodes import Episode, Turn
from stormproof.errors import StoreError
from stormproof.store.disk import store_errors
from stormproof.store.group_commit import GroupCommit
from stormproof.store.header import Header
from stormproof.store.journal import PendingLine, SpanReader
from stormproof.store.parts import StorageFormat
from stormproof.store.record_lines import (
    Note,
    TurnRecord,
    decode,
    episode_record,
    record_of,
    to_line,
    turn_record,
)
from stormproof.store.recovery import Opened, open_folder
from stormproof.store.sealing import SealedTurns, Sealing

SEAL_AT = 5_000  # ended episodes in the journal before it is sealed in the middle of a run


@asynccontextmanager
async def open_store(
    folder: Path | str,
    header: Header,
    *,
    storage_format: StorageFormat = "parquet",
    seal_at: int = SEAL_AT,
) -> AsyncIterator[Store]:
    """Open or make a results folder for writing; on a normal exit all that ended is sealed.

    Raises StoreLocked, PlanMismatch, StoreCorrupt, or StoreError where it cannot be written.
    """
    opened = await anyio.to_thread.run_sync(open_folder, Path(folder), header)
    store = Store(Path(folder), opened, storage_format, seal_at)
    try:
        yield store
        await store.seal()
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()


class Store:
    """What `open_store` gives. `notices` tells what recovery had to do, for people to read."""

    def __init__(
        self, folder: Path, opened: Opened, storage_format: StorageFormat, seal_at: int
    ) -> None:
        self.folder = folder
        self.notices = opened.notices
        self._finished = opened.finished
        self._lock, self._writer, self._samples = opened.lock, opened.writer, opened.samples
        self._sealed = SealedTurns(folder, opened.sealed_unscored)
        self._format: StorageFormat = storage_format
        self._seal_at = seal_at
        self._commit = GroupCommit(self._writer.append)
        self._sealing = Sealing(folder, self._writer)
        self._seal_turnstile = anyio.Lock()

    def take_finished(self) -> set[str]:
        """Ids of trials that had completed when the folder was opened. Given away, not kept.

        Whoever plans asks once, and a run's own trials never come up in its plan again; so that
        what a run holds in memory does not grow with what is done.
        """
        taken, self._finished = self._finished, set()
        return taken

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns that are paid for, of a trial that has not completed; () when there are none."""
        return tuple(decode(record, TurnRecord).turn for record in self._records(trial_id))

    async def turn(self, trial_id: str, turn: Turn) -> None:
        """Journal a turn; durable on return. Raises StoreError."""
        earlier = self._unjournalled(trial_id, turn.index)
        await self._commit.add(
            [*earlier, _turn_item(trial_id, turn.index, turn_record(trial_id, turn))]
        )

    async def episode(self, episode: Episode) -> None:
        """Journal the end of a trial, and any turn of it that is not there; durable on return."""
        trial_id = episode.trial.trial_id
        known = self._known(trial_id)
        missing = [
            _turn_item(trial_id, turn.index, turn_record(trial_id, turn))
            for turn in episode.turns[known:]
        ]
        note = Note(trial_id, len(episode.turns), episode.outcome)
        await self._commit.add([*missing, PendingLine(to_line(episode_record(episode)), note)])
        if episode.outcome == "completed":
            self._sealed.forget(trial_id)
        if self._writer.log.settled >= self._seal_at and not self._seal_turnstile.locked():
            await self.seal()

    async def seal(self) -> None:
        """Move all ended episodes from the journals into a new part. Raises StoreError.

        Turns and episodes are taken in all the while, but for the moment of the journals' change.
        """
        async with self._seal_turnstile:
            self._commit.check()
            if not self._writer.log.settled:
                return
            await self._commit.alone(self._sealing.begin)
            unscored = await self._commit.beside(partial(self._sealing.finish, self._format))
            self._sealed.add(unscored)

    def append_sample(self, record: bytes | str | dict[str, Any]) -> None:
        """Add a line to pool.jsonl. Not durable on return: it is telemetry, not a result."""
        data = json.dumps(record) if isinstance(record, dict) else record
        line = data.encode() if isinstance(data, str) else bytes(data)
        with store_errors("write", self.folder / "pool.jsonl"):
            os.write(self._samples, line.rstrip(b"\n") + b"\n")

    async def close(self) -> None:
        """Write what is still waiting and give the folder free; `open_store` does it."""
        try:
            with suppress(StoreError):  # whoever waited for it has heard
                await self._commit.flush()
        finally:
            await anyio.to_thread.run_sync(self._release)

    def _release(self) -> None:
        with self._sealing.guard:
            self._writer.close()
        os.close(self._samples)
        self._lock.release()

    def _known(self, trial_id: str) -> int:
        entry = self._writer.log.entries.get(trial_id)
        return len(entry.turns) if entry else 0

    def _records(self, trial_id: str) -> Sequence[bytes]:
        entry = self._writer.log.entries.get(trial_id) or self._sealing.entries.get(trial_id)
        if entry is None:
            return self._sealed.of(trial_id)
        with SpanReader(self.folder) as lines:
            found = [record_of(lines.read(span)) for span in entry.turns]
        return [record for record in found if record is not None]

    def _unjournalled(self, trial_id: str, index: int) -> Iterable[PendingLine]:
        """Earlier turns that only a sealed part has: a journal tells a trial from its start."""
        known = self._known(trial_id)
        if known >= index:
            return ()
        records = self._records(trial_id)[known:index]
        return [_turn_item(trial_id, known + i, r) for i, r in enumerate(records)]


def _turn_item(trial_id: str, index: int, record: bytes) -> PendingLine:
    return PendingLine(to_line(record), Note(trial_id, index, ""))
