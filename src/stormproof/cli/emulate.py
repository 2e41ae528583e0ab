"""`stormproof emulate`: a pool on this machine, with real limits and simulated models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from stormproof.cli.streams import counted, say
from stormproof.errors import ConfigError

if TYPE_CHECKING:
    from stormproof.emulator import Emulation

MAX_PORT = 65_535


def emulate(
    *,
    pool: Path | None = None,
    options: Path | None = None,
    replay: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative="")] = None,
    host: str = "127.0.0.1",
    port: int = 8080,
) -> None:
    """Serve a pool file's endpoints until Ctrl-C; GET /_emulator/stats tells what was asked.

    Parameters
    ----------
    pool
        Pool file to imitate; the shipped pool where none is named.
    options
        TOML or JSON file with [emulator]: latencies, faults, outages, other limits.
    replay
        Recorded episodes to serve in place of the simulated models.
    host
        Address to listen on; others than loopback can be reached from outside.
    port
        Port to listen on, up to 65535; 0 takes any free one.
    """
    from stormproof.emulator import (  # noqa: PLC0415  --help does without
        Emulation,
        EmulatorOptions,
        load_options,
        pool_endpoints,
    )
    from stormproof.emulator.listening import serve  # noqa: PLC0415  --help does without

    if not 0 <= port <= MAX_PORT:
        raise ConfigError(
            f"--port: found {port}; allowed: a whole number from 0 to {MAX_PORT:,}",
            hint="0 takes any free port",
        )
    emulation = Emulation(
        endpoints=pool_endpoints(pool) if pool else pool_endpoints(),
        options=load_options(options) if options else EmulatorOptions(),
        host=host,
        port=port,
        replay=tuple(str(path) for path in replay or ()),
    )
    serve(emulation, say=lambda url: _tell(url, emulation), lifeline=None)


def _tell(url: str, emulation: Emulation) -> None:
    """Where it listens, and what a pool file that points here needs."""
    from stormproof.emulator import emulated  # noqa: PLC0415  --help does without

    located, keys = emulated(emulation.endpoints, url)
    say(f"emulating {counted(len(located), 'endpoint')} at {url}; Ctrl-C stops it")
    for provider, base in dict.fromkeys((e.provider, e.base_url) for e in located):
        say(f"  {provider}: base_url = {base}")
    for reference, value in keys.items():
        say(f"  export {reference.removeprefix('env:')}={value}")
