"""The gate of an endpoint: shut after several failures in a row, opened by one canary."""

from __future__ import annotations

from math import inf

FIRST_WAIT_S = 0.25  # before the first canary; doubled for each canary that fails
LONGEST_WAIT_S = 2.0  # between canaries at first; later a share of the time shut:
REFUSED_SHARE, FAILED_SHARE = 0.1, 0.05  # a canary that breaks costs less than one refused
LATEST_WAIT_S = 30.0
TOLD_AT_MOST_S = 120.0  # a longer Retry-After is tried at this point all the same
TRUSTED = 1  # how often an endpoint's word must have proved good, net, to be waited for


class Gate:
    """Open: `ready_at` is -inf. Shut: one canary at a time, when the wait is over.

    `word` counts how often Retry-After proved right minus how often it proved wrong: an
    acceptance well before the told instant, or a refusal after it, is wrong.
    """

    def __init__(self) -> None:
        self.why = ""
        self.word = 0
        self._wait_s = FIRST_WAIT_S
        self.shut_at = 0.0
        self._opens_at = -inf
        self._told_until = -inf
        self._refused_early = False
        self._canary_out = False
        self._canary_until = inf

    @property
    def shut(self) -> bool:
        """Whether only a canary may pass."""
        return bool(self.why)

    @property
    def told_until(self) -> float:
        """Until when it was told to be shut, by an endpoint whose word is good; else -inf."""
        return self._told_until if self.word >= TRUSTED else -inf

    @property
    def ready_at(self) -> float:
        """The earliest instant for a send; inf while a canary is out."""
        return self._canary_until if self._canary_out else self._opens_at

    def shut_for(self, why: str, now: float, told_s: float | None) -> None:
        """Shut an open gate; `why` is shown."""
        self.why = why
        self.shut_at = now
        self._wait_s = FIRST_WAIT_S
        self._told_until = -inf
        self._refused_early = False
        self._wait(now, told_s)

    def sent(self, gives_up_at: float = inf) -> bool:
        """Note a send; true when it is a canary. Another may follow at `gives_up_at`."""
        self._canary_out = self.shut
        self._canary_until = gives_up_at
        return self._canary_out

    def canary_failed(self, now: float, told_s: float | None, *, refused: bool) -> None:
        """The canary was refused or broke: wait longer."""
        self._canary_out = False
        if refused and self._told_until > -inf:
            if now < self._told_until:
                self._refused_early = True
            else:
                self.word -= 1
        share = REFUSED_SHARE if refused else FAILED_SHARE
        longest = min(LATEST_WAIT_S, max(LONGEST_WAIT_S, (now - self.shut_at) * share))
        self._wait_s = min(self._wait_s * 2, longest)
        self._wait(now, told_s)

    def canary_passed(self, sent_at: float) -> None:
        """The canary was accepted: open."""
        told = self._told_until
        if told > -inf:
            early = sent_at < told - 0.2 * (told - self.shut_at) - 0.1
            self.word += -1 if early else int(self._refused_early or self.word > 0)
        self.why = ""
        self._canary_out = False
        self._opens_at = -inf

    def canary_silent(self) -> None:
        """The canary was abandoned and says nothing: another may go at once."""
        self._canary_out = False

    def _wait(self, now: float, told_s: float | None) -> None:
        self._opens_at = now + self._wait_s
        if told_s is not None and told_s > 0:
            self._told_until = now + told_s
            if self.word >= TRUSTED:
                self._opens_at = now + min(told_s, TOLD_AT_MOST_S) + 0.01
