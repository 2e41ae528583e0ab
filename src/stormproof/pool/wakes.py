"""When which endpoint is to be looked at again, and how long its word on that holds."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import inf

from stormproof.pool.endpoint import Lane

HOLDS_S = 0.05  # a lane's word that it is not ready; it may hear of silent acceptances meanwhile


class Wakes:
    """One alarm for each lane at the most; `lanes[n].place` is n."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        # All lanes, in the order of their places. Never changes.
        self._lanes = lanes
        # A heap of (instant, place). Only the entry at a lane's `wakes_at` is valid.
        self._heap: list[tuple[float, int]] = []
        # The earliest instant in the heap, when `due` is to be asked; inf for none.
        self.next_at = inf
        # By place, the lane's last word: ready when, said to hold until, with so many in flight.
        self._words = [(-inf, -inf, 0)] * len(lanes)

    def due(self, now: float) -> list[Lane]:
        """The lanes whose time has come; their alarms are off."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, place = heapq.heappop(self._heap)
            lane = self._lanes[place]
            if lane.wakes_at == at:
                lane.wakes_at = inf
                due.append(lane)
        self.next_at = self._heap[0][0] if self._heap else inf
        return due

    def set(self, lane: Lane, at: float) -> None:
        """Look at the lane at this instant, if not before."""
        if at < lane.wakes_at:
            lane.wakes_at = at
            self.next_at = min(self.next_at, at)
            heapq.heappush(self._heap, (at, lane.place))

    def ready_at(self, lane: Lane, now: float) -> float:
        """When the lane may send next. Its last word holds for a moment, or until a send ends.

        Shared limits change without it, so they are asked each time.
        """
        ready, until, in_flight = self._words[lane.place]
        if now < until and in_flight == lane.controller.in_flight and not lane.shared:
            return ready
        ready = lane.ready_at(now)
        until = min(ready, now + HOLDS_S)
        self._words[lane.place] = (ready, until, lane.controller.in_flight)
        return ready
