"""Shut while nothing passes; one canary at a time says when something does again."""

from __future__ import annotations

from enum import Enum
from math import inf

FIRST_WAIT_S = 0.25  # before the first canary; doubled for each canary that fails
LONGEST_WAIT_S = 2.0  # between canaries at first; later a share of the time shut:
REFUSED_SHARE, FAILED_SHARE = 0.1, 0.05  # a canary that breaks costs less than one refused
LATEST_WAIT_S = 30.0


class State(Enum):
    """Why only a canary may pass."""

    OPEN = ""
    REFUSALS = "refusals"
    ERRORS = "errors"
    SILENCE = "silence"


class Breaker:
    """Open: `ready_at` is -inf. Shut: one canary at a time, when the wait is over."""

    def __init__(self) -> None:
        self.state = State.OPEN
        self.why = ""  # shown; empty exactly when open
        self.shut_at = 0.0
        self.opened_at = -inf  # when last, by the canary's sending
        self._wait_s = FIRST_WAIT_S
        self._opens_at = -inf
        self._canary_out = False  # only while shut
        self._canary_until = inf  # another may go then, though nothing was heard of it

    @property
    def ready_at(self) -> float:
        """The earliest instant for a send; inf while a canary is out."""
        return self._canary_until if self._canary_out else self._opens_at

    def shut(self, state: State, why: str, now: float, *, first_s: float = FIRST_WAIT_S) -> None:
        """Shut an open breaker, the first canary to go after `first_s`; `why` is shown."""
        self.state = state
        self.why = why
        self.shut_at = now
        self._wait_s = first_s
        self._opens_at = now + first_s
        self._canary_out = False

    def sent(self, gives_up_at: float = inf) -> bool:
        """Note a send; true when it is a canary. Another may follow at `gives_up_at`."""
        self._canary_out = self.state is not State.OPEN
        self._canary_until = gives_up_at
        return self._canary_out

    def canary_failed(self, now: float, *, refused: bool) -> None:
        """The canary was refused or broke: wait longer."""
        self._canary_out = False
        share = REFUSED_SHARE if refused else FAILED_SHARE
        longest = max(LONGEST_WAIT_S, self._wait_s, (now - self.shut_at) * share)
        self._wait_s = min(self._wait_s * 2, longest, LATEST_WAIT_S)
        self._opens_at = now + self._wait_s

    def wait_until(self, at: float) -> None:
        """No canary before then: the endpoint has said so, and its word is good."""
        self._opens_at = max(self._opens_at, at)

    def canary_passed(self, sent_at: float) -> None:
        """The canary was accepted: open."""
        self.state = State.OPEN
        self.why = ""
        self.opened_at = sent_at
        self._canary_out = False
        self._opens_at = -inf

    def canary_silent(self) -> None:
        """The canary was abandoned and says nothing: another may go at once."""
        self._canary_out = False
