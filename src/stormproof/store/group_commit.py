"""Group commit: many tasks wait for one write. Works on asyncio and on trio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from stormproof.errors import StoreError
from stormproof.store.journal import PendingLine

_T = TypeVar("_T")
LINGER_S = 0.02  # how long a record waits for others to be written with it: a visit costs as ten


class _Batch:
    """Lines that are written together: open to more until it is taken to the thread."""

    def __init__(self) -> None:
        # In the order in which they came, and in which they will stand in the journal.
        self.lines: list[PendingLine] = []
        # Set once: the lines are durable, or a failure is noted in `GroupCommit._failure`.
        self.is_over = anyio.Event()


class GroupCommit:
    """`await add(lines)` returns once the lines are durable; `write` runs in a worker thread.

    The first to come leads: after a moment it takes all that waits to the thread, in one visit,
    while the others sleep. So many records take a busy loop no longer than one. A waiter that is
    cancelled leaves its record behind, to be written all the same. After a failure nothing is
    accepted any more: what reached the disk then is not known, and only a fresh start can tell.
    """

    def __init__(
        self, write: Callable[[Sequence[PendingLine]], None], linger_s: float = LINGER_S
    ) -> None:
        # As given; they never change.
        self._write = write
        self._linger_s = linger_s
        # The batch that is still open, None where nobody waits. `add` opens it, `_drain`
        # takes it; so long as it is there, its leader is on the way or the store has failed.
        self._waiting: _Batch | None = None
        # Held by whoever drains or works alone, so batches are written in order, one at a time.
        self._turnstile = anyio.Lock(fast_acquire=True)
        self._limiter = anyio.CapacityLimiter(1)  # of writing threads
        # The first failure, of whoever met it. Never taken back: nothing is written after it.
        self._failure: StoreError | None = None

    async def add(self, lines: Sequence[PendingLine]) -> None:
        """Raises StoreError when the lines are not known to be durable."""
        self.check()
        leads = self._waiting is None
        batch = self._waiting = self._waiting or _Batch()
        batch.lines += lines
        if leads:
            await self._lead(batch)
        else:
            await batch.is_over.wait()
        self.check()

    async def alone(self, work: Callable[[], _T]) -> _T:
        """Write all that is waiting, then do `work` in a thread while nothing else is written."""
        self.check()
        async with self._turnstile:
            await self._drain()
            return await self._in_thread(work, self._limiter)

    async def flush(self) -> None:
        """Write what cancelled waiters left behind, unless a failure forbids it."""
        if self._failure is None:
            await self.alone(lambda: None)

    async def beside(self, work: Callable[[], _T]) -> _T:
        """Do `work` in a thread while others write; where it fails, they fail too."""
        return await self._in_thread(work, None)

    def check(self) -> None:
        """Raise what went wrong earlier, if anything did."""
        if self._failure is not None:
            raise StoreError(self._failure.message, hint=self._failure.hint)

    @property
    def failed(self) -> str:
        """What went wrong earlier, in words; "" where nothing did."""
        return self._failure.message if self._failure else ""

    async def _lead(self, batch: _Batch) -> None:
        # Others count on it, so a cancelled leader goes on until the batch is written.
        try:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self._linger_s)
                async with self._turnstile:
                    if not batch.is_over.is_set():
                        await self._drain()
        except BaseException:
            self._interrupted()
            raise

    async def _drain(self) -> None:
        """Write all that waits."""
        self.check()
        batch, self._waiting = self._waiting, None
        if batch is None:
            return
        try:
            await self._in_thread(partial(self._write, batch.lines), self._limiter)
        finally:
            batch.is_over.set()

    async def _in_thread(self, work: Callable[[], _T], limiter: anyio.CapacityLimiter | None) -> _T:
        # A cancelled task waits for its thread. Where asyncio itself cancels the task all the
        # same, the outcome is unknown, which counts as a failure.
        try:
            with anyio.CancelScope(shield=True):
                result = await anyio.to_thread.run_sync(work, limiter=limiter)
        except StoreError as error:
            self._failure = error
            raise
        except BaseException:
            self._interrupted()
            raise
        return result

    def _interrupted(self) -> None:
        """The outcome of a write is unknown: nobody may wait for it, and nothing may follow."""
        if self._failure is None:
            self._failure = StoreError(
                "the store was interrupted in the middle of a write",
                hint="run the same command again: nothing acknowledged is lost",
            )
        if self._waiting is not None:
            self._waiting.is_over.set()
