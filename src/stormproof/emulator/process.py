"""The emulator as a process of its own, started by whoever needs one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import IO

import anyio
import msgspec
from anyio.abc import Process

from stormproof.emulator.emulation import Emulation
from stormproof.errors import ConfigError

START_S = 20.0
STOP_S = 3.0


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
