"""Retry-After: what an endpoint says of itself, believed once it has proved honest."""

from __future__ import annotations

from math import inf

AT_MOST_S = 120.0  # a longer wait is tried at this point all the same
# Of the time that a promise spans, and seconds: a send may pass so much sooner, for whole seconds
# and for the way that the promise took. Nothing is refused later.
OFF, OFF_S = 0.2, 0.1


class Word:
    """Two promises that name the same instant come from a clock, and are believed until one breaks.

    A send that is accepted well before it, or refused after it, breaks it: never again believed.
    """

    def __init__(self) -> None:
        self.good: bool | None = None  # no promise was repeated nor broken yet; False for good
        self._until = -inf  # the promise that stands: when a send will be accepted
        self._since = 0.0  # when it was given

    def until(self, now: float) -> float:
        """When the next send will be accepted, as told by an endpoint whose word is good."""
        return min(self._until, now + AT_MOST_S) if self.good else -inf

    def told(self, sent_at: float, now: float, told_s: float | None) -> None:
        """A send was refused, and Retry-After (or nothing) came with it."""
        at = now + told_s if told_s else -inf
        if self._until > -inf and sent_at > self._until:
            self.good = False
        elif self.good is None and sent_at > self._since:
            apart_s = abs(at - self._until)  # nan where neither names one: it says nothing
            self.good = True if apart_s <= OFF * (now - self._since) else None
        if at > self._until:
            self._until, self._since = at, now

    def accepted(self, sent_at: float) -> None:
        """A send was accepted."""
        if sent_at <= self._since or self._until == -inf:
            return
        if sent_at < self._until - OFF * (self._until - self._since) - OFF_S:
            self.good = False
        self._until = -inf
