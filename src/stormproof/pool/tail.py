"""How long an honest answer may take: the tail of those seen, at their load."""

from __future__ import annotations

import math
from math import inf

FEWEST = 10  # answers until anything can be called lost
ENOUGH = 200  # answers that show the tail
FACTOR = 3.0  # × the longest of so many; of fewer, for longer by their share to the power of
STEEPER = 0.6
GENERATION = 1000  # answers after which the longest of all before the last so many is forgotten


class Tail:
    """A send is lost when it is silent for three times the longest of 200 to 2,000 answers.

    Where fewer are known, for more: of latencies that are lognormal with a sigma of up to 1, fewer
    than 1 in 10,000 take so long. The first answers are the quickest ones: nothing is judged before
    three times the longest has passed. With more in flight than any answered send met, latency may
    be longer in proportion, as where requests queue.
    """

    def __init__(self) -> None:
        self._answers = 0  # in this generation
        self._longest_s = self._before_s = 0.0  # of this generation, and of the one before
        self._fullest = self._fuller = 0  # most in flight with a send that was answered; likewise
        self._began_at = inf  # when the first of them was sent
        self._known = 0  # answers that are known, ENOUGH at most; 0 while the first are awaited

    def answered(self, sent_at: float, now: float, number: int) -> None:
        """An answer to a send with so many in flight."""
        seconds = now - sent_at
        if self._answers >= GENERATION:
            self._before_s, self._fuller = self._longest_s, self._fullest
            self._answers, self._longest_s, self._fullest = 0, 0.0, 0
        self._answers += 1
        self._longest_s = max(self._longest_s, seconds)
        self._began_at = min(self._began_at, sent_at)
        long = now - self._began_at >= FACTOR * self._longest_s
        if self._known or (self._answers >= FEWEST and long):
            self._known = min(ENOUGH, max(self._known, self._answers))
        self._fullest = max(self._fullest, number)

    def patience_s(self, number: int) -> float:
        """When a send with so many in flight is lost; inf while too little is known."""
        if not self._known:
            return inf
        factor = FACTOR * math.pow(ENOUGH / self._known, STEEPER)
        fullest = max(1, self._fullest, self._fuller)
        return factor * max(self._longest_s, self._before_s) * max(1.0, number / fullest)
