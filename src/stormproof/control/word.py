"""Retry-After: what an endpoint says of itself, believed once it has proved honest."""

from __future__ import annotations

from math import inf

AT_MOST_S = 120.0  # a longer wait is tried at this point all the same
EARLY, EARLY_S = 0.2, 0.1  # of what was told, and seconds: accepted sooner than so, it was a lie
AFTER_S = 0.01  # a send goes so long after the told instant
AGREE = 0.2  # of the time between two promises, within which the instants that they name agree


class Word:
    """A promise is kept when a send before its end was refused, and one after it was not.

    Two that name the same instant come from a clock, and are believed until one is broken.
    A send that is accepted well before it, or refused after it, breaks it: never again believed.
    """

    def __init__(self) -> None:
        self.good: bool | None = None  # none was kept nor broken yet; once broken, False for good
        self._until = -inf  # the promise that stands: when a send will be accepted
        self._since = 0.0  # when it was given
        self._tried_early = False  # a send before its end was refused

    def until(self, now: float) -> float:
        """When the next send will be accepted, as told by an endpoint whose word is good."""
        return min(self._until, now + AT_MOST_S) + AFTER_S if self.good else -inf

    def told(self, sent_at: float, now: float, told_s: float | None) -> None:
        """A send was refused, and Retry-After (or nothing) came with it."""
        if self._until > -inf:
            if sent_at > self._until + EARLY_S:
                self.good = False
            elif sent_at > self._since:
                self._tried_early = True
                agree_s = AGREE * (now - self._since)
                if told_s and abs(now + told_s - self._until) <= agree_s and self.good is None:
                    self.good = True
        if told_s and now + told_s > self._until:
            self._until, self._since = now + told_s, now

    def accepted(self, sent_at: float) -> None:
        """A send was accepted."""
        if sent_at <= self._since or self._until == -inf:
            return
        if sent_at < self._until - EARLY * (self._until - self._since) - EARLY_S:
            self.good = False
        elif self._tried_early and self.good is None:
            self.good = True
        self._until, self._tried_early = -inf, False
