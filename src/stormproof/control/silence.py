"""Silence is acceptance only while answers come: notices an endpoint that hangs."""

from __future__ import annotations

from collections import deque

from stormproof.control.controller import Sent

ENOUGH, MANY = 10, 40  # sends in a row that are all silent for longer than answers take:
LONGER = 2.0  # × the median answer the fewer, the median itself the more
STEP = 0.01  # by which one answer moves the median's estimate; the first ones move it more
SETTLED = 20  # answers until it is known how many sends are usually newer than the newest of them
FIRST_GUESS_S = 10.0  # before anything has been answered


class Silence:
    """Sends newer than the newest answered one; when ten of them are overdue, it hangs.

    Ten answers in a row that all take more than twice the median: once in a thousand years for
    any spread of latencies that depends on the request alone.
    """

    def __init__(self) -> None:
        self.median_s = FIRST_GUESS_S
        self._answers = 0
        self._usual = 0.0  # sends newer than the newest answered one, when an answer comes
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
        few = self._answers <= SETTLED
        newer = len(self._newer)
        self._usual = max(self._usual, newer) if few else self._usual + STEP * (newer - self._usual)
        step = max(STEP, 0.5 / self._answers)
        self.median_s *= 1 + step if now - sent.at > self.median_s else 1 - step

    def ended(self) -> None:
        """Forget sends that have ended otherwise."""
        while self._newer and self._newer[0].ended:
            self._newer.popleft()

    def doubtful(self, now: float) -> bool:
        """Whether answers are late enough that nothing should grow on silence."""
        return self._unusual or self._overdue(now, ENOUGH, self.median_s)

    def hangs(self, now: float) -> bool:
        """Whether the endpoint is silent."""
        few = self._overdue(now, ENOUGH, LONGER * self.median_s)
        return few or (self._unusual and self._overdue(now, MANY, self.median_s))

    @property
    def _unusual(self) -> bool:
        """Whether more are newer than the newest answered one than ever happens by chance."""
        return self._answers > SETTLED and len(self._newer) > LONGER * self._usual + ENOUGH

    def _overdue(self, now: float, count: int, age_s: float) -> bool:
        return len(self._newer) >= count and now - self._newer[count - 1].at > age_s
