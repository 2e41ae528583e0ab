"""How endpoints of the real pool become endpoints of the emulator: addresses and keys."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from stormproof.domain.pool import Endpoint


def emulated_key(reference: str) -> str:
    """The value that the emulator takes for a key: `env:NAME` → `emulated-NAME`."""
    return f"emulated-{reference.removeprefix('env:')}"


def emulated(
    endpoints: Sequence[Endpoint], base_url: str
) -> tuple[tuple[Endpoint, ...], dict[str, str]]:
    """The endpoints as they are reached at an emulator, and their keys (reference → value)."""
    base = base_url.rstrip("/")
    located = tuple(
        msgspec.structs.replace(e, base_url=f"{base}/{quote(e.provider, safe='')}")
        for e in endpoints
    )
    return located, {e.key: emulated_key(e.key) for e in endpoints}
