"""A limit that several endpoints share and nobody declared: learned from refusals that coincide.

- Refusals within a second are one incident. It speaks for a shared limit when at least half of the
  endpoints that sent at about that instant were refused, two of them with different numbers in
  flight; otherwise, with half the weight, against. `BLAMED` in surplus move the blame up.
- From then on a controller of its own for the whole level hears of all sends and of the refusals,
  and grants; the endpoints' own go on from 'none met'.
- A level whose refusals fall on one endpoint far beyond its share of the sends is not to blame for
  them: that endpoint has a limit of its own, and answers for its refusals itself. When half of
  them do, the blame is theirs again, and moving it up takes twice as much.
"""

from __future__ import annotations

from collections import deque
from math import inf, log

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Sent, View
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Limits

INCIDENT_S = 1.0  # refusals so close together are one incident
TOGETHER_S = 0.15  # sends so close together met the same state of a shared limit
DIFFERENT = 1.1  # × and one more: numbers in flight that are not the same limit of each
MOST = 0.5  # of those that sent then, refused together
BLAMED = 5.0  # incidents that speak for a shared limit, in surplus
AGAINST = 0.5
MINE = 0.9  # share of a level's refusals that fall on an endpoint with a limit of its own
CERTAIN = log(100)  # odds that it has
DOUBTED = 3.0  # log odds, at most, that it has none


class Level:
    """One key or deployment above several endpoints. `control` is None while it is not to blame."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: list[Member] = []
        self.control: Adaptive | None = None
        self._score = 0.0
        self._needs = BLAMED
        self._incident = deque[tuple[Member, Sent]]()
        self._began = -inf
        self._spoke = False

    def coincides(self, member: Member, sent: Sent) -> bool:
        """Note a refusal nobody answers for yet; true when the level is to blame from now on."""
        if sent.at > self._began + INCIDENT_S:
            if self._incident and not self._spoke:
                self._score = max(0.0, self._score - AGAINST)
            self._incident.clear()
            self._began, self._spoke = sent.at, False
        together = {m for m, x in self._incident if abs(x.at - sent.at) <= TOGETHER_S} | {member}
        senders = sum(m.sent_at >= sent.at - TOGETHER_S for m in self.members)
        others = (x for m, x in self._incident if m is not member)
        most = len(together) >= MOST * senders
        if not self._spoke and most and any(_differ(x, sent) for x in others):
            self._spoke = True
            self._score += 1
        self._incident.append((member, sent))
        return self._score >= self._needs

    def blame(self, now: float) -> None:
        """From now on the level has a controller, which knows of all that is in flight."""
        self.control = Adaptive(Limits())
        for member in self.members:
            member.blamed_above(self.control, now)

    def refused(self, member: Member, now: float) -> None:
        """Weigh a refusal that the level answers for: has the endpoint a limit of its own?"""
        sends = sum(m.sends for m in self.members if not m.own)
        for each in self.members:
            if each.own:
                continue
            share = (each.sends + 1) / (sends + len(self.members))
            odds = MINE / share if each is member else (1 - MINE) / (1 - share)
            each.suspicion = max(-DOUBTED, each.suspicion + log(max(1e-3, odds)))
        if member.suspicion >= CERTAIN:
            member.own = True
            if sum(not m.own for m in self.members) > len(self.members) / 2:
                self.blame(now)
            else:
                self._acquit()

    def _acquit(self) -> None:
        self.control = None
        self._score = 0.0
        self._needs *= 2
        for member in self.members:
            member.own = False


class Member:
    """An endpoint's controller under its levels: grants what all of them grant."""

    def __init__(self, own: Adaptive, level: Level) -> None:
        self.control = own
        self.level = level
        self.own = False  # it answers for its refusals itself, whatever the level
        self.sends = 0
        self.sent_at = -inf
        self.suspicion = 0.0
        self._above: dict[Sent, Sent | None] = {}
        level.members.append(self)

    @property
    def in_flight(self) -> int:
        """Sends that have not ended."""
        return self.control.in_flight

    @property
    def closed(self) -> str:
        """See `Controller`."""
        return self.control.closed

    def ready_at(self, now: float) -> float:
        """See `Controller`."""
        ready = self.control.ready_at(now)
        above = self.level.control
        return ready if above is None else max(ready, above.ready_at(now))

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        sent = self.control.sent(now, tokens)
        above = self.level.control
        self._above[sent] = above.sent(now, tokens) if above else None
        self.sends += 1
        self.sent_at = now
        return sent

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """See `Controller`."""
        self.control.answered(sent, now, tokens, output_tokens)
        if (above := self._ended(sent)) and self.level.control:
            self.level.control.answered(above, now, tokens, output_tokens)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        above, level = self._ended(sent), self.level
        if level.control is None:
            self.control.refused(sent, now, told_s)
            if level.coincides(self, sent):
                level.blame(now)
            return
        if above is None or self.own:
            self.control.refused(sent, now, told_s)
            if above:
                level.control.abandoned(above, now)
            return
        self.control.abandoned(sent, now)
        level.control.refused(above, now, told_s)
        level.refused(self, now)

    def failed(self, sent: Sent, now: float, why: str, told_s: float | None = None) -> None:
        """See `Controller`."""
        self.control.failed(sent, now, why, told_s)
        self._abandon_above(sent, now)

    def abandoned(self, sent: Sent, now: float) -> None:
        """See `Controller`."""
        self.control.abandoned(sent, now)
        self._abandon_above(sent, now)

    def told(self, rates: RateHeaders) -> None:
        """See `Controller`."""
        self.control.told(rates)

    def view(self) -> View:
        """See `Controller`."""
        own, level = self.control.view(), self.level
        if level.control is None:
            return own
        above = level.control.view()
        state = own.state if own.state != "open" or above.state == "open" else above.state
        return View(own.window, own.pace_rps, state, f"{level.name}: {above.decision}")

    def blamed_above(self, above: Adaptive, now: float) -> None:
        """The level is to blame for what was refused: believe in no limit of one's own."""
        if not self.own:
            self.control.forget(now)
        self.sends, self.suspicion = 0, 0.0
        for sent in self._above:
            self._above[sent] = above.sent(now, sent.tokens)

    def _ended(self, sent: Sent) -> Sent | None:
        return self._above.pop(sent)

    def _abandon_above(self, sent: Sent, now: float) -> None:
        if (above := self._ended(sent)) and self.level.control:
            self.level.control.abandoned(above, now)


def _differ(a: Sent, b: Sent) -> bool:
    """Refused together, at numbers that are not one and the same limit of each."""
    more, less = max(a.number, b.number), min(a.number, b.number)
    return abs(a.at - b.at) <= TOGETHER_S and more > DIFFERENT * less + 1
