"""Refusals by chance: a share of sends that is turned away whatever the load, and speaks to nobody.

Replicas behind one address, of which one is out of order, refuse so. Each such refusal reads as an
empty bucket; the flow between two of them is less than the pace, which falls without end.

- Of sends that go within all that is believed hardly any is refused. That more are is shown by
  Page's cumulative sum of log odds (Continuous inspection schemes, Biometrika 41, 1954), of a share
  `DOUBTED` against `USUAL`. At `DOUBT` it is in doubt whether there is a limit.
- A rush settles that: sends at four times the pace, until one of the two fates is `AHEAD`. Under a
  limit three in four are refused; by chance, no more than before. The odds that a gambler's ruin
  errs are ((1 - p) / p)³ to one, where a share p is refused by chance, and 27 to one at a limit.
  A bucket of tokens that was too empty for one request has room for lesser ones: three of these
  prove nothing, so a send counts by how alike it is in tokens to the one that was refused.
  A limit that was met makes the next rush wait for twice the odds.
- Then refusals speak to nobody, until another such sum, of all but `MOST` against the known share,
  reaches `DOUBT`: a limit refuses as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

from stormproof.control.controller import Sent
from stormproof.control.measured import Measured
from stormproof.control.pace import Pace

USUAL, DOUBTED = 0.005, 0.03  # shares of sends
DOUBT = 7.0  # log odds
RUSH = 4.0  # × the pace
AHEAD = 3  # sends of a rush that fared one way, less those that fared the other
MOST = 0.35  # share that chance refuses at most; and that passes at most where a limit refuses, too
REMEMBERED = 300  # sends that tell the share


@dataclass
class Rush:
    """Sends in quick succession (`doubtful`, for others to know), and what became of them."""

    pace: Pace
    tokens: float  # of the send whose refusal began it
    lead: float = 0.0  # acceptances less refusals; it ends when they are `AHEAD` apart

    def heard(self, sent: Sent, sign: int) -> None:
        """One of its sends was accepted (`sign` 1) or refused (-1)."""
        if sent.doubtful:
            least, most = sorted((sent.tokens, self.tokens))
            self.lead += sign * (least / most if most else 1.0)


class Chance:
    """`share` of the sends is refused by chance; 0 while none is known to be."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self.share = 0.0  # MOST at most; at once 0 when it falls to USUAL
        self.rush: Rush | None = None  # the one under way; only while `share` is 0
        self._sends = self._refusals = 0.0  # of sends within what is believed; they tell the share
        self._odds = 0.0  # never negative: of chance, and once that is known, of a limit as well
        self._rushes_at = DOUBT  # odds; doubled by each rush that meets a limit

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes, in the rush if there is one. Nothing grows by it then."""
        if self.rush:
            self.rush.pace.spend(now)
            sent.doubtful = True

    def accepted(self, sent: Sent) -> bool:
        """Weigh it; true when it proves that there was no limit."""
        rush = self.rush
        if rush is None:
            self._weigh(sent, refused=False)
            return False
        rush.heard(sent, 1)
        proven = rush.lead >= AHEAD
        if proven:
            self.rush, self._odds = None, 0.0
            self.share = min(MOST, self._refusals / self._sends)
        return proven

    def excuses(self, sent: Sent, pace: float) -> bool:
        """Weigh a refusal; whether it speaks to nobody."""
        rush = self.rush
        if rush is None:
            return self._excuses(sent, pace)
        rush.heard(sent, -1)
        proven = rush.lead <= -AHEAD
        if proven:
            self.rush = None
            self._forget()
            self._rushes_at *= 2
        return not proven

    def _excuses(self, sent: Sent, pace: float) -> bool:
        self._weigh(sent, refused=True)
        if self.share:
            excused = self._odds < DOUBT
            self._odds *= excused
            return excused
        if self._odds >= self._rushes_at:
            known = pace if pace < inf else self._measured.recent_rps
            self.rush = Rush(Pace(RUSH * known), sent.tokens)
        return self.rush is not None

    def _weigh(self, sent: Sent, *, refused: bool) -> None:
        usual, more = (self.share, 1 - MOST) if self.share else (USUAL, DOUBTED)
        if self.share or sent.within:
            odds = log(more / usual) if refused else log((1 - more) / (1 - usual))
            self._odds = max(0.0, self._odds + odds)
        if sent.within:
            keep = 1 - 1 / REMEMBERED
            self._sends, self._refusals = self._sends * keep + 1, self._refusals * keep + refused
            if self.share:
                self.share = min(MOST, self._refusals / self._sends)
        if self.share <= USUAL and (self.share or not self._odds):
            self._forget()

    def _forget(self) -> None:
        self.share = self._odds = self._sends = self._refusals = 0.0
