"""What is emulated, and how its endpoints are reached there: addresses and keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct

from stormproof.domain.pool import Endpoint
from stormproof.emulator.behaviour import EmulatorOptions
from stormproof.plan import SHIPPED_POOL, expand, load_pool

PROMPT_TYPES = 3  # what a per-prompt-type limit is multiplied with where no run says otherwise


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


def emulated_key(reference: str) -> str:
    """The value that the emulator takes for a key: `env:NAME` → `emulated-NAME`."""
    return f"emulated-{reference.removeprefix('env:')}"


def emulated(
    endpoints: Sequence[Endpoint], base_url: str
) -> tuple[tuple[Endpoint, ...], dict[str, str]]:
    """The endpoints as they are reached at an emulator, and their keys (reference → value).

    What only the real service wants to be told, in headers or a query, is left out.
    """
    base = base_url.rstrip("/")
    located = tuple(
        msgspec.structs.replace(
            e, base_url=f"{base}/{quote(e.provider, safe='')}", headers={}, query={}
        )
        for e in endpoints
    )
    return located, {e.key: emulated_key(e.key) for e in endpoints}
