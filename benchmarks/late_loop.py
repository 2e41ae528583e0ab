"""Stormproof with a clock on its loop: how late a task gets its turn that asks for one often.

    python benchmarks/late_loop.py run --pool …      as `stormproof`, with LATE_LOOP=FILE

Appends a JSON line to FILE at the end. A turn may also be late as the machine is busy with other
things, so the processor time that the loop's own thread took in between is told too: that is what
somebody on the loop held it for.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, thread_time

import anyio

from stormproof import loop_watch, session
from stormproof.cli import main

EVERY_S = 0.01
STATED_S = 0.2  # what nothing on the loop should hold it for


class Lateness:
    """Of all turns so far."""

    def __init__(self) -> None:
        # The greatest, in seconds: turns that came late, and processor time between two turns.
        self.late_s = self.held_s = 0.0
        # Turns; those that came late by more than STATED_S; those between which it was held so.
        self.turns = self.late = self.held = 0

    async def watch(self) -> None:
        """Ask for a turn every EVERY_S; until cancelled."""
        while True:
            at, worked = monotonic(), thread_time()
            await anyio.sleep(EVERY_S)
            late_s, held_s = monotonic() - at - EVERY_S, thread_time() - worked
            self.turns += 1
            self.late += late_s > STATED_S
            self.held += held_s > STATED_S
            self.late_s, self.held_s = max(self.late_s, late_s), max(self.held_s, held_s)


def run_watched() -> int:
    """The command line's own exit code."""
    seen = Lateness()

    async def watch_loop(tell: Callable[[str], None]) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(seen.watch)
            await loop_watch.watch_loop(tell)

    vars(session)["watch_loop"] = watch_loop
    try:
        return main(sys.argv[1:])
    finally:
        with Path(os.environ["LATE_LOOP"]).open("a") as file:
            file.write(json.dumps(vars(seen)) + "\n")


if __name__ == "__main__":
    sys.exit(run_watched())
