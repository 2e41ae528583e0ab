"""Shut while nothing passes; one canary at a time says when something does again."""

from __future__ import annotations

from enum import Enum
from math import inf

from stormproof.control.controller import Sent

FIRST_WAIT_S = 0.25  # before the first canary; doubled for each canary that fails
LONGEST_WAIT_S = 2.0  # between canaries at first;
SHARE = 0.05  # later, of the time shut: one that recovers is not kept waiting for much longer
LULL_S = 1.0  # shut for less, nothing was learnt by it
IN_A_ROW = 5  # errors that shut it
OUTLIVES = 2  # × the age of the quickest error, as those of one cause differ by less


class State(Enum):
    """Why only a canary may pass."""

    OPEN = ""
    REFUSALS = "refusals"
    ERRORS = "errors"
    SILENCE = "silence"


class Row:
    """Failures in a row: what was sent after the first of them, and passes, ends it."""

    def __init__(self) -> None:
        self.count = 0
        self.since = -inf  # when the first of them was sent, of this row or the last

    def add(self, sent_at: float) -> None:
        """One more."""
        if not self.count:
            self.since = sent_at
        self.count += 1

    def passed(self, sent_at: float) -> None:
        """Something passed."""
        if sent_at > self.since:
            self.count = 0


class Breaker:
    """Open: all may pass. Shut: one canary at a time, when the wait is over.

    Errors in a row shut it, refusals and silence when its owner says so.
    """

    def __init__(self) -> None:
        self.state = State.OPEN
        self.why = ""  # shown; empty exactly when open
        self.shut_at = 0.0
        self.ready_at = -inf  # the earliest instant for a send; inf while a canary is out
        self.canary: Sent | None = None  # the one that is out; None while open
        self._wait_s = FIRST_WAIT_S  # before the latest canary; set as it shuts
        self._heard = False  # whether anything was ever answered
        self._errors = Row()  # ended by an answer
        self.quickest_s = inf  # how soon the quickest error of the row came

    @property
    def shown(self) -> str:
        """Its state, in words."""
        return f"closed: {self.why}" if self.why else "open"

    def hears_at(self, confirm_s: float) -> float:
        """When the canary's silence will have said that it passed; inf where it will not."""
        if self.canary is None or self.state is State.SILENCE:
            return inf
        outlives_s = OUTLIVES * self.quickest_s if self.state is State.ERRORS else 0.0
        return self.canary.at + max(confirm_s, outlives_s)

    def failed(self, sent: Sent, now: float, why: str, state: State = State.ERRORS) -> None:
        """An error: the fifth in a row shuts it, a canary's makes wait longer."""
        if not self._errors.count:
            self.quickest_s = inf
        self._errors.add(sent.at)
        self.quickest_s = min(self.quickest_s, now - sent.at)
        if not self.canary_failed(sent, now) and self._errors.count >= IN_A_ROW:
            self.shut(state, why, now)

    def answered(self, sent: Sent) -> None:
        """What was sent since the first error is answered: the row ends."""
        self._heard = True
        self._errors.passed(sent.at)

    def shut(self, state: State, why: str, now: float) -> None:
        """Shut it if it is open; `why` is shown."""
        if self.state is not State.OPEN:
            return
        self.state = state
        self.why = why
        self.shut_at = now
        self._wait_s = FIRST_WAIT_S
        self.ready_at = now + self._wait_s

    def sent(self, sent: Sent, now: float) -> None:
        """While shut, it is a canary. In silence another may follow, after a while."""
        if self.state is State.OPEN:
            return
        sent.canary, self.canary = True, sent
        self.ready_at = inf
        if self.state is State.SILENCE:
            self._wait_longer(now)

    def heeds(self, sent: Sent) -> bool:
        """Whether it is shut, and this is one of its canaries since then: none opens it twice."""
        return sent.canary and self.state is not State.OPEN and sent.at >= self.shut_at

    def canary_failed(self, sent: Sent, now: float) -> bool:
        """Whether it `heeds` what has failed: another one follows, as in silence anyway."""
        heeded = self.heeds(sent)
        if heeded and self.state is not State.SILENCE:
            self.canary = None
            self._wait_longer(now)
        return heeded

    def _wait_longer(self, now: float) -> None:
        ever_less = self.state is State.SILENCE and not self._heard
        share = 1.0 if ever_less else SHARE
        longest_s = max(LONGEST_WAIT_S, self._wait_s, share * (now - self.shut_at))
        self._wait_s = min(2 * self._wait_s, longest_s)
        self.ready_at = now + self._wait_s

    def wait_until(self, at: float) -> None:
        """While shut, no canary before then: the endpoint has said so, and its word is good."""
        if self.state is not State.OPEN:
            self.ready_at = max(self.ready_at, at)

    def canary_passed(self) -> None:
        """The canary was accepted: open."""
        self.state = State.OPEN
        self.why = ""
        self.canary = None
        self.ready_at = -inf
        self._errors.count = 0
