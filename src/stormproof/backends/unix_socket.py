"""Workers as processes of this machine, each at the other end of a pair of Unix sockets.

A worker is told everything over its socket, keys too: nothing of it stands in a command line or
an environment, and nothing listens. It ends when the socket's other end is gone.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

import anyio
from anyio.abc import Process

from stormproof.backends.driver import Hire, LinkBroken
from stormproof.backends.worker import Worker
from stormproof.backends.worker_protocol import Beginning, decode_beginning, decode_pull, encode
from stormproof.wire import HttpTransport, Transport

STOP_S = 3.0
_LENGTH_BYTES = 4


class Hangup(Exception):
    """The other end is gone."""


class Frames:
    """Whole messages over a socket: a length of four bytes, then so many. Raises Hangup."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> Self:
        """Over this end of a pair."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    async def send(self, message: bytes) -> None:
        """Send one; waits while the other end does not take it."""
        try:
            self._writer.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)
            await self._writer.drain()
        except OSError:
            raise Hangup from None

    async def receive(self) -> bytes:
        """The next one."""
        try:
            length = await self._reader.readexactly(_LENGTH_BYTES)
            return await self._reader.readexactly(int.from_bytes(length, "big"))
        except (asyncio.IncompleteReadError, OSError):
            raise Hangup from None

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class ProcessLink:
    """A worker process, as the driver sees it."""

    def __init__(self, process: Process, frames: Frames) -> None:
        # Never change.
        self.process = process
        self._frames = frames

    @property
    def place(self) -> str:
        """See `Link.place`."""
        return f"process {self.process.pid}"

    async def ask(self, question: bytes) -> bytes:
        """See `Link.ask`."""
        try:
            await self._frames.send(question)
            return await self._frames.receive()
        except Hangup:
            raise LinkBroken(f"{self.place} has ended") from None

    async def close(self) -> None:
        """Hang up, which ends the process; kill what does not end."""
        await self._frames.close()
        with anyio.move_on_after(STOP_S):
            await self.process.wait()
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@asynccontextmanager
async def worker_processes(begin: Callable[[str], Beginning]) -> AsyncIterator[Hire]:
    """Processes of this machine for hire; they end with the block, or with this process."""
    links: list[ProcessLink] = []

    async def hire(worker: str) -> ProcessLink:
        link = await _started(begin(worker))
        links.append(link)
        return link

    try:
        yield hire
    finally:
        with anyio.CancelScope(shield=True):
            for link in links:
                await link.close()


async def _started(beginning: Beginning) -> ProcessLink:
    ours, theirs = socket.socketpair()
    with theirs:
        process = await anyio.open_process(
            [sys.executable, "-m", "stormproof.backends", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None,  # what it cannot say to the driver it says to the user
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # the terminal's Ctrl-C is for the driver, which then drains
        )
    frames = await Frames.over(ours)
    await frames.send(encode(beginning))
    return ProcessLink(process, frames)


async def serve(fd: int) -> None:
    """Be the worker at the other end of an inherited socket, until that is gone."""
    frames = await Frames.over(socket.socket(fileno=fd))
    with suppress(Hangup):
        beginning = decode_beginning(await frames.receive())
        async with HttpTransport(beginning.secrets) as transport:
            await _answer_all(frames, beginning, transport)


async def _answer_all(frames: Frames, beginning: Beginning, transport: Transport) -> None:
    async with anyio.create_task_group() as tasks:
        worker = Worker(beginning, transport, tasks)
        with suppress(Hangup):
            while True:
                pull = decode_pull(await frames.receive())
                await frames.send(encode(await worker.answer(pull)))
        tasks.cancel_scope.cancel()
