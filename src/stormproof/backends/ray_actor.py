"""A worker as a Ray actor. Imported where it runs, too, so it needs no Ray itself."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from typing import NamedTuple

import anyio

from stormproof import __version__
from stormproof.backends.interpreter import tuned_interpreter
from stormproof.backends.worker import Worker
from stormproof.backends.worker_protocol import decode_beginning, decode_pull, encode
from stormproof.wire import HttpTransport


class Started(NamedTuple):
    """Who has begun: the package's version there, the process, and the machine's name."""

    version: str
    pid: int
    host: str


class WorkerActor:
    """Works in a thread of its own, in a uvloop of its own: Ray's threads stay free for Ray."""

    def __init__(self) -> None:
        # Set once by `_work`, before `begin` returns.
        self._worker: Worker
        self._loop: asyncio.AbstractEventLoop
        self._is_ready = threading.Event()

    def begin(self, beginning: bytes) -> Started:
        """Keys travel in this argument, and nowhere else."""
        threading.Thread(target=self._live, args=(beginning,), daemon=True).start()
        self._is_ready.wait()
        return Started(__version__, os.getpid(), socket.gethostname())

    def answer(self, question: bytes) -> bytes:
        """See `Link.ask`."""
        answer = self._worker.answer(decode_pull(question))
        return encode(asyncio.run_coroutine_threadsafe(answer, self._loop).result())

    def _live(self, beginning: bytes) -> None:
        """A worker that breaks ends its process, so that the driver hears of it at once."""
        try:
            with tuned_interpreter():
                anyio.run(self._work, beginning, backend_options={"use_uvloop": os.name == "posix"})
        finally:
            sys.stderr.flush()
            os._exit(70)

    async def _work(self, beginning: bytes) -> None:
        begun = decode_beginning(beginning)
        async with HttpTransport(begun.secrets) as transport, anyio.create_task_group() as tasks:
            self._worker = Worker(begun, transport, tasks)
            self._loop = asyncio.get_running_loop()
            self._is_ready.set()
            await anyio.sleep_forever()
