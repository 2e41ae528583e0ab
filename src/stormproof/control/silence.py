"""Silence is acceptance only while answers come: notices an endpoint that hangs."""

from __future__ import annotations

from collections import deque

from stormproof.control.controller import Sent

ENOUGH = 10  # sends in a row that are all silent for longer than answers take
LONGER = 2.0  # × the median answer
STEP = 0.01  # by which one answer moves the median's estimate; the first ones move it more
FIRST_GUESS_S = 10.0  # before anything has been answered


class Silence:
    """Sends newer than the newest answered one; when ten of them are overdue, it hangs.

    Ten answers in a row that all take more than twice the median: once in a thousand years for
    any spread of latencies that depends on the request alone.
    """

    def __init__(self) -> None:
        self.median_s = FIRST_GUESS_S
        self._answers = 0
        self._newer = deque[Sent]()

    @property
    def heard(self) -> bool:
        """Whether anything was ever answered."""
        return self._answers > 0

    def sent(self, sent: Sent) -> None:
        """Watch a send."""
        self._newer.append(sent)

    def answered(self, sent: Sent, now: float) -> None:
        """An answer clears every older send.

        While new sends are overdue the median stays: only slow answers of old ones come now.
        """
        while self._newer and self._newer[0].index <= sent.index:
            self._newer.popleft()
        if self.doubtful(now):
            return
        self._answers += 1
        step = max(STEP, 0.5 / self._answers)
        self.median_s *= 1 + step if now - sent.at > self.median_s else 1 - step

    def ended(self) -> None:
        """Forget sends that have ended otherwise."""
        while self._newer and self._newer[0].ended:
            self._newer.popleft()

    def doubtful(self, now: float) -> bool:
        """Whether answers are late enough that nothing should grow on silence."""
        return self._overdue(now, self.median_s)

    def hangs(self, now: float) -> bool:
        """Whether the endpoint is silent."""
        return self._overdue(now, LONGER * self.median_s)

    def _overdue(self, now: float, age_s: float) -> bool:
        return len(self._newer) >= ENOUGH and now - self._newer[ENOUGH - 1].at > age_s
