"""The emulator as a process: what it starts with, where it listens, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import anyio
import msgspec
from anyio.abc import Process
from msgspec import Struct

from stormproof.domain.pool import Endpoint
from stormproof.emulator.agent_decisions import Agents
from stormproof.emulator.behaviour import EmulatorOptions
from stormproof.emulator.chat_completions import counted
from stormproof.emulator.http11 import Connection
from stormproof.emulator.replay import Replay, recordings
from stormproof.emulator.routing import AnswerTo, Emulator
from stormproof.errors import ConfigError
from stormproof.plan import SHIPPED_POOL, expand, load_pool
from stormproof.suites.workflows.tasks import find_task

PROMPT_TYPES = 3  # what a per-prompt-type limit is multiplied with where no run says otherwise
START_S = 20.0
STOP_S = 3.0
_BACKLOG = 4096
_FILES = 65_536


class Emulation(Struct, frozen=True):
    """What to emulate, and where: all that an emulator starts with.

    `host` other than loopback must be asked for; `port` 0 takes any free one. `allowed_hosts` are
    names beside loopback that a request's Host may give. `replay` are files of recordings that
    answer instead of simulated agents.
    """

    endpoints: tuple[Endpoint, ...]
    options: EmulatorOptions = EmulatorOptions()
    host: str = "127.0.0.1"
    port: int = 0
    allowed_hosts: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()


def pool_endpoints(
    pool: str | Path = SHIPPED_POOL, prompt_types: int = PROMPT_TYPES
) -> tuple[Endpoint, ...]:
    """A pool file's endpoints with the limits that its adaptive mode declares."""
    return expand(load_pool(pool), prompt_types=prompt_types)


def answers_of(emulation: Emulation) -> AnswerTo:
    """What answers its requests, simulated agents or recordings, with the tokens counted."""
    answer_to: AnswerTo
    if emulation.replay:
        answer_to = Replay(recordings(emulation.replay))
    else:
        answer_to = Agents(find_task, seed=emulation.options.seed)
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


@contextlib.asynccontextmanager
async def emulator_process(emulation: Emulation) -> AsyncIterator[str]:
    """Start an emulator of its own process; gives its base URL.

    It ends with the block, and with this process however that ends: it reads what to emulate from
    a pipe and stops when the pipe's other end is gone. Raises `ConfigError` where it cannot start.
    """
    with tempfile.TemporaryFile() as errors:
        process = await anyio.open_process(
            [sys.executable, "-m", "stormproof.emulator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # the terminal's Ctrl-C is for the run, which then drains
        )
        try:
            yield await _started(process, emulation, errors)
        finally:
            await _stop(process)


async def _started(process: Process, emulation: Emulation, errors: IO[bytes]) -> str:
    """Send what to emulate, read the URL."""
    line = b""
    with anyio.move_on_after(START_S), contextlib.suppress(OSError, anyio.BrokenResourceError):
        await process.stdin.send(msgspec.json.encode(emulation) + b"\n")  # type: ignore[union-attr]  # piped
        with contextlib.suppress(anyio.EndOfStream):
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()  # type: ignore[union-attr]  # piped
    if not line.endswith(b"\n"):
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise ConfigError(f"the emulator did not start: {last or 'it said nothing'}")
    return line.decode().strip()


async def _stop(process: Process) -> None:
    """Close the pipe, which ends it; kill what does not end."""
    with anyio.CancelScope(shield=True):
        await process.stdin.aclose()  # type: ignore[union-attr]  # piped
        with anyio.move_on_after(STOP_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.stdout.aclose()  # type: ignore[union-attr]  # piped
