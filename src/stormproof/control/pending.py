"""Sends whose fate is not known yet, and what it says of their numbers in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import inf

from stormproof.control.controller import Fate, Sent

UNHEARD_S = 0.05  # from a slot's end at the server to our hearing of it


class Pending:
    """In the order of sending; the fate of the first one is unknown."""

    def __init__(self) -> None:
        self._sends = deque[Sent]()

    @property
    def since(self) -> float:
        """When the first of them went; inf where there is none."""
        return self._sends[0].at if self._sends else inf

    def sent(self, sent: Sent) -> None:
        """One more."""
        self._sends.append(sent)

    def silent(self, now: float, confirm_s: float) -> Iterator[Sent]:
        """Those that nothing was heard of for so long, in order. Each must be given a fate."""
        while self._sends:
            sent = self._sends[0]
            if sent.fate is Fate.PENDING:
                if sent.at + confirm_s > now:
                    return
                yield sent
            self._sends.popleft()

    def turned_away(self, sent: Sent) -> None:
        """It never was in flight at the server: the later ones had one less beside them."""
        for later in self._sends:
            if later.index > sent.index:
                later.number -= 1
                later.least -= 1

    def answered(self, now: float) -> None:
        """A slot was free at the server before we heard of the answer."""
        for sent in reversed(self._sends):
            if sent.at < now - UNHEARD_S:
                return
            sent.least -= 1
