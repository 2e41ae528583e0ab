"""Group commit: many tasks wait for one write. Works on asyncio and on trio."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread

from windtunnel.errors import StoreError
from windtunnel.store.journal import Item

_T = TypeVar("_T")
GROUP = 50  # records made durable together at most


class _Batch:
    def __init__(self) -> None:
        self.items: list[Item] = []
        self.is_durable = False


class GroupCommit:
    """`await add(items)` returns once the items are durable; `write` runs in a worker thread.

    Whoever comes first writes for all who came meanwhile. A waiter that is cancelled leaves its
    record behind, to be written with the next batch. After a failure nothing is accepted any
    more: what reached the disk then is not known, and only a fresh start can tell.
    """

    def __init__(self, write: Callable[[Sequence[Item]], None]) -> None:
        self._write = write
        self._queue = deque[_Batch]()
        self._turnstile = anyio.Lock(fast_acquire=True)
        self._limiter = anyio.CapacityLimiter(1)
        self._failure: StoreError | None = None

    async def add(self, items: Sequence[Item]) -> None:
        """Raises StoreError when the items are not known to be durable."""
        self.check()
        batch = self._enqueue(items)
        async with self._turnstile:
            await self._drain(batch)

    async def alone(self, work: Callable[[], _T]) -> _T:
        """Write all that is waiting, then do `work` in a thread while nothing else is written."""
        self.check()
        async with self._turnstile:
            if self._queue:
                await self._drain(self._queue[-1])
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

    def _enqueue(self, items: Sequence[Item]) -> _Batch:
        for item in items:
            if not self._queue or len(self._queue[-1].items) >= GROUP:
                self._queue.append(_Batch())
            self._queue[-1].items.append(item)
        return self._queue[-1]

    async def _drain(self, last: _Batch) -> None:
        while not last.is_durable:
            self.check()
            batch = self._queue.popleft()
            await self._in_thread(partial(self._write, batch.items), self._limiter)
            batch.is_durable = True

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
            self._failure = StoreError(
                "the store was interrupted in the middle of a write",
                hint="run the same command again: nothing acknowledged is lost",
            )
            raise
        return result
