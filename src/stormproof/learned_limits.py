"""What runs into a folder find of their endpoints' limits, and where the next one begins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import anyio
from msgspec.structs import replace

from stormproof.backends.desk import Crew
from stormproof.domain.pool import Endpoint
from stormproof.plan import RunOptions
from stormproof.store import forget_learned, keep_learned, read_learned

KEEP_EVERY_S = 10.0  # what a kill may cost


def begun_where_learned(
    options: RunOptions, endpoints: tuple[Endpoint, ...]
) -> tuple[tuple[Endpoint, ...], str]:
    """The endpoints with what an earlier run learned of them, and how old the oldest of it is.

    With `options.forget` that is dropped first, for this run and all later ones.
    """
    folder = Path(options.results)
    if options.forget:
        forget_learned(folder)
    known = read_learned(folder) if options.rate_mode == "adaptive" else {}
    ages_s = [time() - known[x.endpoint_id].at for x in endpoints if x.endpoint_id in known]
    if not ages_s:
        return endpoints, ""
    begun = (
        replace(x, start=known[x.endpoint_id].start) if x.endpoint_id in known else x
        for x in endpoints
    )
    said = (
        f"limits: {len(ages_s)} endpoints begin at what a run found up to "
        f"{max(ages_s) / 3600:.1f} h ago (--forget drops it)"
    )
    return tuple(begun), said


@asynccontextmanager
async def kept_as_learned(options: RunOptions, crew: Crew) -> AsyncIterator[None]:
    """Keep what the crew learns of limits, every `KEEP_EVERY_S` and at the end.

    In fixed mode nothing is learned. Raises StoreError where it cannot be written.
    """
    if options.rate_mode != "adaptive":
        yield
        return
    folder = Path(options.results)

    def keep() -> None:
        keep_learned(folder, {x.endpoint_id: x.learned for x in crew.snapshot()}, time())

    async def keep_on() -> None:
        while True:
            await anyio.sleep(KEEP_EVERY_S)
            await anyio.to_thread.run_sync(keep)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_on)
            yield
            tasks.cancel_scope.cancel()
    finally:
        keep()
