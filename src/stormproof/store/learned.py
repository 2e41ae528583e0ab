"""`learned.json`: what the last run found of each endpoint's limits, where the next one begins.

It is no result: a file that is missing or damaged costs the next run a few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from stormproof.domain.pool import Start
from stormproof.store.disk import store_errors, write_whole

LEARNED_FILE = "learned.json"


class Learned(Struct, frozen=True):
    """What was learned of an endpoint, and when (epoch seconds)."""

    start: Start
    at: float


def read_learned(folder: Path) -> dict[str, Learned]:
    """By endpoint's id; {} where nothing was kept, or it cannot be read."""
    path = folder / LEARNED_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Learned])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def keep_learned(folder: Path, starts: Mapping[str, Start], at: float) -> None:
    """Keep what was learned; of other endpoints what was known stays. Raises StoreError."""
    known = read_learned(folder)
    known |= {name: Learned(start, at) for name, start in starts.items() if start != Start()}
    text = msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=1)
    write_whole(folder / LEARNED_FILE, lambda file: file.write(text))


def forget_learned(folder: Path) -> None:
    """Drop all that was kept. Raises StoreError."""
    with store_errors("remove", folder / LEARNED_FILE):
        (folder / LEARNED_FILE).unlink(missing_ok=True)
