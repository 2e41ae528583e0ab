"""Silence is acceptance only while answers come: notices an endpoint that hangs."""

from __future__ import annotations

from collections import deque

from stormproof.control.controller import Sent

FEWEST = 10  # sends that can be silence, and gaps that show how long they are
LONGER = 1.5  # × the longest gap
REMEMBERED = 500.0  # gaps, after which the longest one counts for a third
FIRST_GUESS_S = 10.0  # that the longest takes at least, before so many have shown it


class Silence:
    """Watches the sends newer than the newest answered one: a gap, until one of them is answered.

    However much answers differ, among many sends one is soon answered, and where they come back in
    the order of sending, each gap is an answer long. So a gap longer than those before it, of at
    least as many sends, is an endpoint that hangs.
    """

    def __init__(self) -> None:
        self._gaps = 0  # that have ended
        self._longest_s = 0.0  # of them; it fades, as does
        self._most = 0.0  # sends in one of them
        self._newer = deque[Sent]()

    def sent(self, sent: Sent) -> None:
        """Watch a send."""
        self._newer.append(sent)

    def answered(self, sent: Sent, now: float) -> bool:
        """Forget all sends up to this one; true when it ended a gap, so that nothing hangs.

        What hung and woke says little of gaps: it lengthens the longest by no more than `LONGER`.
        """
        newer = self._newer
        if not newer or sent.index < newer[0].index:
            return False
        gap_s = min(now - newer[0].at, LONGER * self._usual_s)
        fade = 1 - 1 / REMEMBERED
        self._longest_s = max(fade * self._longest_s, gap_s)
        self._most = max(fade * self._most, len(newer))
        self._gaps += 1
        while newer and newer[0].index <= sent.index:
            newer.popleft()
        return True

    def ended(self) -> None:
        """Forget sends that have ended otherwise."""
        while self._newer and self._newer[0].ended:
            self._newer.popleft()

    def hangs(self, now: float) -> bool:
        """Whether the endpoint is silent."""
        newer = self._newer
        few = len(newer) < max(FEWEST, self._most)
        return not few and now - newer[0].at > LONGER * self._usual_s

    @property
    def _usual_s(self) -> float:
        guess_s = FIRST_GUESS_S if self._gaps < FEWEST else 0.0
        return max(guess_s, self._longest_s)
