"""Until when a worker may send, on its own clock alone. No I/O.

A worker that the driver has not heard of for long may have been given up, and its endpoints be
another's. So its lease runs from when it sent the answer that the driver is known to have: asking
round n + 1 proves that answer n came, and it came after it was sent. A driver that waits for
longer than a lease, from when the answer came, before it leases anew, is never too early.
"""

from __future__ import annotations

from math import inf

LEASE_S = 12.0
PATIENCE_S = 15.0  # of the driver: the lease, and what clocks may differ in that time


class LeaseClock:
    """Rounds, and the lease that follows from them. Instants are monotonic, in seconds."""

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        # When nothing may be sent any more; it only grows. -inf until an answer is known to have
        # come.
        self.ends_at = -inf
        # The last answer that was sent: its round, and when. (0, -inf) before the first.
        self._answered: tuple[int, float] = (0, -inf)

    def asked(self, number: int) -> None:
        """The driver asks round `number`: it has the answer of the one before."""
        if number == self._answered[0] + 1:
            self.ends_at = max(self.ends_at, self._answered[1] + self.lease_s)

    def answered(self, number: int, now: float) -> None:
        """The answer of round `number` is about to be sent."""
        self._answered = (number, now)

    def is_valid(self, now: float) -> bool:
        """Whether anything may be sent."""
        return now < self.ends_at
