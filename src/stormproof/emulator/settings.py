"""All that an emulator process is told when it starts."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from stormproof.domain.pool import Endpoint
from stormproof.emulator.options import EmulatorOptions
from stormproof.plan import SHIPPED_POOL, expand, load_pool

PROMPT_TYPES = 3  # what a per-prompt-type limit is multiplied with where no run says otherwise


class Settings(Struct, frozen=True):
    """`host` other than loopback must be asked for; `port` 0 takes any free one.

    `allowed_hosts` are names beside loopback that a request's Host may give. `replay` are
    recordings to serve instead of simulated agents.
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
