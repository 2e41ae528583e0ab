"""Who held the loop: told where all that should share it had to wait for one.

A task on the loop notes when it gets its turn. A thread looks on, and where the turn is long
overdue it looks where the loop's own thread stands.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import FrameType

import anyio

HELD_S = 1.0  # from here on it is told
LOOK_EVERY_S = 0.25
MOST_TOLD = 20  # of a run: whoever holds it once may do so a thousand times
_HERE = str(Path(__file__).parent)


async def watch_loop(tell: Callable[[str], None]) -> None:
    """Tell, a line each, who held the running loop for more than HELD_S; until cancelled."""
    look_on = _LookOn()
    thread = threading.Thread(target=look_on.run, name="loop watch", daemon=True)
    thread.start()
    told = 0
    try:
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            held_s, place = look_on.turn()
            if place and told < MOST_TOLD:
                told += 1
                tell(f"slow: everything waited for {held_s:.1f} s: {place}")
    finally:
        look_on.ended.set()


class _LookOn:
    """What the thread sees. `turn` is called on the loop, `run` is the thread."""

    def __init__(self) -> None:
        # Set once, by the loop's side.
        self.ended = threading.Event()
        self._loop_thread = threading.get_ident()
        # When the loop's side had its turn last; only `turn` sets it.
        self._turn_at = monotonic()
        # Where the loop stood when its turn was overdue: "" while it is not. `run` sets it once for
        # each turn, and `turn` takes it away.
        self._place = ""

    def turn(self) -> tuple[float, str]:
        """How long the loop was held since the last turn, and where; no place where not long."""
        now = monotonic()
        held_s, place = now - self._turn_at, self._place
        self._turn_at, self._place = now, ""
        return held_s, place

    def run(self) -> None:
        """Look, until `ended`."""
        while not self.ended.wait(LOOK_EVERY_S):
            if monotonic() - self._turn_at > HELD_S and not self._place:
                frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001  documented
                self._place = _place_of(frame) if frame else ""


def _place_of(frame: FrameType) -> str:
    """The innermost function of ours, else the innermost of all."""
    inner, ours = frame, frame
    while not ours.f_code.co_filename.startswith(_HERE):
        if ours.f_back is None:
            ours = inner
            break
        ours = ours.f_back
    return f"{ours.f_code.co_qualname} ({Path(ours.f_code.co_filename).name}:{ours.f_lineno})"
