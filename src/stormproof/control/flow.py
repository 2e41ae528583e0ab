"""What flows into a bucket: what was accepted between two instants at which it was empty."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import log
from statistics import pstdev

REMEMBERED = 6  # empty buckets; so many tell whether requests or tokens are counted
ENOUGH = 12.0  # units between two of them that make a measurement
SLACK = 2.5  # units by which a stretch may differ from what flowed in
STEADIER = 0.45  # × the spread of the other: this is what is counted

Empty = tuple[float, float, float]  # when; requests and tokens accepted until then


class Flow:
    """Measures a limit in units a second; a unit is a request, or as many tokens as one has.

    A bucket that is empty twice has let pass just what flowed in meanwhile. Requests are
    counted until the flow of tokens proves steadier from one empty bucket to the next.
    """

    def __init__(self) -> None:
        self.tokens_per_unit = 0.0  # 0: requests are counted
        self.requests = 0.0  # accepted so far
        self._tokens = 0.0
        self._empties = deque[Empty](maxlen=REMEMBERED)  # at least `ENOUGH` requests apart

    @property
    def accepted(self) -> float:
        """Units accepted so far."""
        return self._units((0.0, self.requests, self._tokens))

    def cost(self, tokens: float) -> float:
        """Units that a request of so many tokens takes."""
        return tokens / self.tokens_per_unit if self.tokens_per_unit else 1.0

    def passed(self, tokens: float) -> None:
        """A request was accepted, and all that were sent before it are known."""
        self.requests += 1
        self._tokens += tokens

    def empty(self, at: float) -> tuple[float, float]:
        """The bucket is empty: units and seconds of the longest stretch until now that agrees.

        The rate is known to within `SLACK` units over these seconds. (0, 1) where nothing was
        accepted since an empty bucket.
        """
        now = (at, self.requests, self._tokens)
        longest = (0.0, 1.0)
        for then in reversed(self._empties):
            units, span = self._units(now) - self._units(then), at - then[0]
            if units <= 0 or span <= 0:
                continue
            if longest[0] and not self._agree((units, span), longest):
                break
            longest = (units, span)
        self._remember(now)
        return longest

    @staticmethod
    def _agree(one: tuple[float, float], other: tuple[float, float]) -> bool:
        apart = abs(one[0] / one[1] - other[0] / other[1])
        return apart <= SLACK / one[1] + SLACK / other[1]

    def forget(self) -> None:
        """Nothing was sent for a while: the bucket may have overflowed since it was empty."""
        self._empties.clear()

    def _units(self, at: Empty) -> float:
        return at[2] / self.tokens_per_unit if self.tokens_per_unit else at[1]

    def _remember(self, now: Empty) -> None:
        if self._empties:
            then = self._empties[-1]
            if now[1] - then[1] < ENOUGH or now[0] <= then[0]:
                return
        self._empties.append(now)
        if len(self._empties) == REMEMBERED:
            self._choose_unit()

    def _choose_unit(self) -> None:
        requests, tokens = self._spread(1), self._spread(2)
        if not self.tokens_per_unit and tokens < STEADIER * requests:
            self.tokens_per_unit = self._tokens / self.requests
        elif self.tokens_per_unit and requests < STEADIER * tokens:
            self.tokens_per_unit = 0.0

    def _spread(self, kind: int) -> float:
        """Of what flowed in a second, from each empty bucket to the next."""
        stretches = pairwise(self._empties)
        return pstdev(log((now[kind] - then[kind]) / (now[0] - then[0])) for then, now in stretches)
