"""What the weather and the loop remember of the latest tool calls, as a few states."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from stormproof.domain.episodes import FAILURES_IN_A_ROW
from stormproof.suites.weather import WINDOW

START = 0


class RecentOutcomes(Struct, frozen=True):
    """Failures in a row, and the last outcomes: a bit a call, the latest lowest, 1 a failure."""

    row: int = 0
    recent: int = 0

    @property
    def recent_failures(self) -> int:
        """Failures among the last three calls, once there have been three."""
        return self.recent.bit_count()

    def after(self, *, ok: bool) -> RecentOutcomes:
        """The history one call later."""
        recent = (self.recent << 1 | (not ok)) & (1 << WINDOW) - 1
        return RecentOutcomes(0 if ok else self.row + 1, recent)


def _all_histories() -> tuple[RecentOutcomes, ...]:
    found = [RecentOutcomes()]
    for history in found:
        for ok in (True, False):
            later = history.after(ok=ok)
            if later.row < FAILURES_IN_A_ROW and later not in found:
                found.append(later)
    return tuple(found)


HISTORIES = _all_histories()
"""All that an episode can go on with; at START there has been no failure."""

AFTER_SUCCESS = [HISTORIES.index(history.after(ok=True)) for history in HISTORIES]
"""RecentOutcomes → the one after a success, by number."""

LAST_CHANCE = next(
    at for at, history in enumerate(HISTORIES) if history.row == FAILURES_IN_A_ROW - 1
)
"""The history in which one more failure ends the episode."""

AFTER_FAILURE = [
    at if at == LAST_CHANCE else HISTORIES.index(history.after(ok=False))
    for at, history in enumerate(HISTORIES)
]
"""RecentOutcomes → the one after a failure, by number; LAST_CHANCE has none."""

ON_SUCCESS = np.eye(len(HISTORIES))[AFTER_SUCCESS]
"""Moves chances over histories (a row) to those after a success."""

ON_FAILURE = np.eye(len(HISTORIES))[AFTER_FAILURE]
ON_FAILURE[LAST_CHANCE] = 0.0
"""Moves chances over histories to those after a failure; who has ended is left out."""
