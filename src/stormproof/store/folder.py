"""The results folder as its one writer sees it: open, resume, acknowledge, seal."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from stormproof.domain.episodes import FINAL, Episode, Turn
from stormproof.errors import StoreError
from stormproof.store.disk import store_errors
from stormproof.store.group_commit import LINGER_S, GroupCommit
from stormproof.store.header import Header
from stormproof.store.journal import Entry, PendingLine, pending
from stormproof.store.parts import StorageFormat
from stormproof.store.record_lines import (
    Note,
    TurnRecord,
    decode,
    episode_record,
    note_of,
    to_line,
    turn_note,
    turn_record,
)
from stormproof.store.recovery import Opened, open_folder
from stormproof.store.sealing import SealedTurns, Sealing
from stormproof.store.spans import SpanReader

SEAL_AT = 5_000  # ended episodes in the journal before it is sealed in the middle of a run


@asynccontextmanager
async def open_store(
    folder: Path | str,
    header: Header,
    *,
    storage_format: StorageFormat = "parquet",
    seal_at: int = SEAL_AT,
    in_batches: bool = False,
) -> AsyncIterator[Store]:
    """Open or make a results folder for writing; on a normal exit all that ended is sealed.

    Records that come `in_batches` wait for no others to be written with them.
    Raises StoreLocked, PlanMismatch, StoreCorrupt, or StoreError where it cannot be written.
    """
    opened = await anyio.to_thread.run_sync(open_folder, Path(folder), header)
    store = Store(Path(folder), opened, storage_format, seal_at, in_batches=in_batches)
    try:
        yield store
        await store.seal()
    finally:
        with anyio.CancelScope(shield=True):
            await store.close()


class Store:
    """What `open_store` gives. `notices` tells what recovery had to do, for people to read.

    `blocked` are the ids of trials that a provider's filter had ended when it was opened.
    """

    def __init__(
        self,
        folder: Path,
        opened: Opened,
        storage_format: StorageFormat,
        seal_at: int,
        *,
        in_batches: bool,
    ) -> None:
        self.folder = folder
        self.notices = opened.notices
        # What `take_finished` gives; empty from then on.
        self._finished = opened.finished
        # Of those, the ones that a provider's filter ended. Never changes.
        self.blocked = frozenset(opened.blocked)
        # Ours from the opening to `_release`, which alone lets go of the three.
        self._lock, self._writer, self._samples = opened.lock, opened.writer, opened.samples
        # A trial's turns stand in the writer's log, or on their way into a part, or in a part:
        # what the first of them holds is the newest, and begins at turn 0.
        self._sealed = SealedTurns(opened.sealed_unfinished)
        self._sealing = Sealing(folder, self._writer, self._sealed)
        self._format: StorageFormat = storage_format
        self._seal_at = seal_at
        # Everything that is written to a journal goes through it; after a failure nothing does.
        self._commit = GroupCommit(self._writer.append, 0.0 if in_batches else LINGER_S)
        self._seal_turnstile = anyio.Lock()  # held from the beginning of a seal to its end

    def take_finished(self) -> set[str]:
        """Ids of trials that were final when the folder was opened. Given away, not kept.

        Whoever plans asks once, and a run's own trials never come up in its plan again; so that
        what a run holds in memory does not grow with what is done.
        """
        taken, self._finished = self._finished, set()
        return taken

    def journalled(self, trial_id: str) -> tuple[Turn, ...]:
        """Turns that are paid for, of a trial that is not final; () when there are none."""
        return tuple(decode(record, TurnRecord).turn for record in self._records(trial_id))

    async def turn(self, trial_id: str, turn: Turn) -> None:
        """Journal a turn, in the place of the one that had its number; durable on return.

        Turns after it stay where this is the same answer, read in another way. Raises StoreError.
        """
        await self._commit.add(self._lines_of(trial_id, turn))

    async def episode(self, episode: Episode) -> None:
        """Journal the end of a trial, and any turn of it that is not there; durable on return.

        Raises StoreError.
        """
        trial_id = episode.trial.trial_id
        missing = [_turn_line(trial_id, turn) for turn in episode.turns[self._known(trial_id) :]]
        note = Note(trial_id, len(episode.turns), episode.outcome)
        await self._commit.add([*missing, PendingLine(to_line(episode_record(episode)), note)])
        if episode.outcome in FINAL:
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
            await self._commit.beside(partial(self._sealing.finish, self._format))

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
        with self._sealing.guard, suppress(OSError):  # what is durable was so before
            self._writer.close()
        with suppress(OSError):
            os.close(self._samples)
        self._lock.release(self._commit.failed)

    def _known(self, trial_id: str) -> int:
        entry = self._writer.log.entries.get(trial_id)
        return len(entry.turns) if entry else 0

    def _records(self, trial_id: str) -> list[bytes]:
        """The newest record of each turn, all of one conversation."""
        entry = self._writer.log.entries.get(trial_id)
        own = [] if entry is None else self._read(entry)
        if entry is not None and entry.episode is not None:
            return own
        ended = self._sealing.entries.get(trial_id)
        older = self._sealed.of(trial_id) if ended is None else self._read(ended)
        return [*own, *_going_on(own, older)]

    def _read(self, entry: Entry) -> list[bytes]:
        with store_errors("read", self.folder), SpanReader(self.folder) as reader:
            return [reader.record(span) for span in entry.turns]

    def _lines_of(self, trial_id: str, turn: Turn) -> list[PendingLine]:
        """The turn's line, and those around it without which the journal would not tell all.

        A journal tells a trial from its start, so turns that only a part has come before it. The
        turns after one that is replaced come again: the first readers of format 1 forget them.
        """
        line, known = _turn_line(trial_id, turn), self._known(trial_id)
        if turn.index == known > 0:
            return [line]
        records = self._records(trial_id)
        if turn.index > len(records):
            raise StoreError(
                f"turn {turn.index} of trial {trial_id} cannot be stored: "
                f"turn {len(records)} has not been",
                hint="report this: it is a bug",
            )
        stored = [*map(pending, records)]
        old = stored[turn.index : turn.index + 1]
        is_same = old and old[0].note.answer == line.note.answer
        return [*stored[known : turn.index], line, *(stored[turn.index + 1 :] if is_same else [])]


def _turn_line(trial_id: str, turn: Turn) -> PendingLine:
    return PendingLine(to_line(turn_record(trial_id, turn)), turn_note(trial_id, turn))


def _going_on(own: Sequence[bytes], older: Sequence[bytes]) -> Sequence[bytes]:
    """The older turns behind one's own: a journal that was cut short has the first alone.

    None where one's own are of another conversation, as of another machine whose folder was
    merged in: what a model said in one is no answer in the other.
    """
    count = len(own)
    if 0 < count < len(older) and note_of(own[-1]).answer != note_of(older[count - 1]).answer:
        return ()
    return older[count:]
