"""The running loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio


def clock() -> Callable[[], float]:
    """The running loop's own clock: a tenth of what asking anyio costs, several times a call."""
    try:
        return asyncio.get_running_loop().time
    except RuntimeError:  # trio
        return anyio.current_time
