"""Inside the emulator's process: it listens, says where, and ends with its parent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from typing import IO, Any

import anyio

from stormproof.emulator.agent_decisions import Agents
from stormproof.emulator.chat_completions import counted
from stormproof.emulator.emulation import Emulation
from stormproof.emulator.http11 import Connection
from stormproof.emulator.replay import Replay, recordings
from stormproof.emulator.routing import AnswerTo, Emulator
from stormproof.errors import ConfigError
from stormproof.suites.workflows import WORKFLOWS

_BACKLOG = 4096
_FILES = 65_536


def answers_of(emulation: Emulation) -> AnswerTo:
    """What answers its requests, simulated agents or recordings, with the tokens counted."""
    answer_to: AnswerTo
    if emulation.replay:
        answer_to = Replay(recordings(emulation.replay))
    else:
        answer_to = Agents(WORKFLOWS.find_task, seed=emulation.options.seed)
    return lambda request: counted(request, answer_to(request))


@contextlib.asynccontextmanager
async def listening(emulation: Emulation) -> AsyncIterator[tuple[str, Emulator]]:
    """Serve in this event loop: the base URL and the emulator behind it."""
    hosts = (emulation.host, *emulation.allowed_hosts)
    emulator = Emulator(
        emulation.endpoints, answers_of(emulation), emulation.options, allowed_hosts=hosts
    )
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: Connection(emulator.handle), emulation.host, emulation.port, backlog=_BACKLOG
        )
    except OSError as error:
        raise ConfigError(
            f"{emulation.host}:{emulation.port}: cannot listen there: {_reason(error)}",
            hint="choose another --port, or 0 for any free one",
        ) from None
    port = server.sockets[0].getsockname()[1]
    host = f"[{emulation.host}]" if ":" in emulation.host else emulation.host
    try:
        yield f"http://{host}:{port}", emulator
    finally:
        server.close()


def _reason(error: OSError) -> str:
    """As the system says it; asyncio's own words name the address once more."""
    number = error.errno or 0  # below 0 where a name is not known
    return os.strerror(number) if number > 0 else error.strerror or str(error)


def serve(emulation: Emulation, *, say: Callable[[str], Any], lifeline: IO[bytes] | None) -> None:
    """Run until SIGINT or SIGTERM, or until `lifeline` ends. `say` gets the base URL."""
    _allow_many_connections()
    options = {"use_uvloop": os.name == "posix"}
    anyio.run(_serve, emulation, say, lifeline, backend_options=options)


async def _serve(
    emulation: Emulation, say: Callable[[str], Any], lifeline: IO[bytes] | None
) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows ends processes as it likes
            loop.add_signal_handler(number, over.set)
    if lifeline is not None:
        await loop.connect_read_pipe(lambda: _Lifeline(over.set), lifeline)
    async with listening(emulation) as (url, _):
        say(url)
        await over.wait()


class _Lifeline(asyncio.Protocol):
    """The pipe whose other end the parent holds: however that dies, the pipe ends."""

    def __init__(self, over: Callable[[], None]) -> None:
        self._over = over

    def connection_lost(self, exc: Exception | None) -> None:
        """The parent has gone."""
        del exc
        self._over()


def _allow_many_connections() -> None:
    """Thousands of connections are many files; take what the system grants."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
