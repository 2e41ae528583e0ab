"""Refusals by chance: a share of sends that is turned away whatever the load, and speaks to nobody.

Replicas behind one address, of which one is out of order, refuse so. Each such refusal reads as an
empty bucket; the flow between two of them is less than the pace, which falls without end.

- Of sends that go within all that is believed hardly any is refused. That more are is shown by
  Page's cumulative sum of log odds (Continuous inspection schemes, Biometrika 41, 1954), of a share
  `DOUBTED` against `USUAL`. At `DOUBT` it is in doubt whether there is a limit.
- A rush settles that: a second or a dozen sends at four times the pace, whichever is more. Under a
  limit three in four are refused; by chance, no more than before. Three refusals ahead it is a
  limit: by chance, of a share p, a gambler's ruin of odds (p / (1 - p))³.
- Then refusals speak to nobody, until another such sum, of `EXCESS` more than the known share
  against that share, reaches `LIMIT`: a limit refuses as well.
"""

from __future__ import annotations

from math import inf, log

from stormproof.control.controller import Sent
from stormproof.control.measured import Measured
from stormproof.control.pace import Pace

USUAL, DOUBTED = 0.005, 0.03  # shares of sends
DOUBT = 7.0  # log odds
RUSH, RUSH_S, RUSH_SENDS = 4.0, 1.0, 12  # × the pace; at least so long, and so many
AHEAD = 3  # refusals more than acceptances
APART = 100  # sends from a rush that met a limit to the next one; four times as many each time
MOST = 0.35  # that chance refuses
EXCESS = 0.25
LIMIT = log(30_000)
REMEMBERED = 300  # sends that tell the share


class Rush:
    """Sends in quick succession, and what became of them."""

    def __init__(self, rate: float) -> None:
        self.pace = Pace(rate)
        self.accepted = self.refused = 0
        self._proof = (1 - MOST) * max(RUSH_SENDS, rate * RUSH_S)  # so many accepted

    @property
    def met_limit(self) -> bool:
        """Whether too many were refused for it to be chance."""
        return self.refused >= self.accepted + AHEAD

    @property
    def met_none(self) -> bool:
        """Whether too many were accepted for it to be a limit."""
        return self.accepted >= self._proof

    def is_late(self, now: float) -> bool:
        """Whether a send comes so late that this is no rush."""
        return -inf < self.pace.due < now - RUSH / self.pace.rate


class Chance:
    """`share` of the sends is refused by chance; 0 while none is known to be."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self.share = 0.0  # MOST at most; at once 0 when it falls to USUAL
        self.rush: Rush | None = None  # the one under way; only while `share` is 0
        self._sends = self._refusals = 0.0  # of sends within what is believed; they tell the share
        self._odds = 0.0  # never negative: of chance, and once that is known, of a limit as well
        self._next_rush, self._apart = 0, APART  # index of the first send that may begin one

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes, in the rush if there is one. Nothing grows by it then."""
        if self.rush and self.rush.is_late(now):
            self.rush = None
        if self.rush:
            self.rush.pace.spend(now)
            sent.rush, sent.doubtful = self.rush, True

    def accepted(self, sent: Sent) -> bool:
        """Weigh it; true when it proves that there was no limit."""
        self._weigh(sent, refused=False)
        rush = self.rush
        if rush is None or sent.rush is not rush:
            return False
        rush.accepted += 1
        if rush.met_none:
            self.rush, self._odds = None, 0.0
            self.share = min(MOST, self._refusals / self._sends)
        return rush.met_none

    def excuses(self, sent: Sent, pace: float) -> bool:
        """Weigh a refusal; whether it speaks to nobody."""
        if self.rush:
            return self._rushed(sent, self.rush)
        self._weigh(sent, refused=True)
        if self.share:
            excused = self._odds < LIMIT
            self._odds *= excused
            return excused
        likely = self._odds >= DOUBT and 2 * self._refusals <= self._sends
        if likely and sent.index >= self._next_rush:
            self.rush = Rush(RUSH * min(pace, self._measured.recent_rps))
        return self.rush is not None

    def _rushed(self, sent: Sent, rush: Rush) -> bool:
        rush.refused += sent.rush is rush
        if rush.met_limit:
            self.rush = None
            self._forget()
            self._next_rush = sent.index + self._apart
            self._apart *= 4
        return not rush.met_limit

    def _weigh(self, sent: Sent, *, refused: bool) -> None:
        usual, more = (self.share, self.share + EXCESS) if self.share else (USUAL, DOUBTED)
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
