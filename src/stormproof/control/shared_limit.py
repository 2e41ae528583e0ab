"""A limit that several endpoints share, declared or learned from refusals that coincide.

A declared one holds from the start. One that nobody declared is only suspected at first:

- Refusals within a second are one incident. It speaks for a shared limit when at least half of the
  endpoints that sent at about that instant were refused, two of them with different numbers in
  flight; otherwise, with half the weight, against. `BLAMED` in surplus move the blame up.
- A bucket that several share refuses right after another's send was accepted. A refused send that
  followed such a one more closely than each of the endpoint's three accepted ones before did speaks
  for it, as one in four would by chance; any other speaks against. At odds of `CLOSE_ODDS` the
  blame moves up.
- Refusals of an endpoint where a share is known to be refused by chance say nothing of either.
- From then on a controller of its own for all of them hears of all sends and of the refusals, and
  grants; the endpoints' own go on from 'none met'.
- A limit that is shared lets through no less when it is known: where `LESS` of what was accepted
  since the first refusal is left after `TRIED_S`, it was none.
- A limit whose refusals fall on one endpoint far beyond its share of the sends is not to blame for
  them: that endpoint has a limit of its own, and answers for its refusals itself. When half of
  them do, the blame is theirs again, and moving it up takes twice as much.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from math import inf, log

from stormproof.control.adaptive import Adaptive
from stormproof.control.controller import Fate, Sent, View
from stormproof.control.pace import Ceiling
from stormproof.domain.calls import RateHeaders
from stormproof.domain.pool import Endpoint, Limits, Start

INCIDENT_S = 1.0  # refusals so close together are one incident
TOGETHER_S = 0.15  # sends so close together met the same state of a shared limit
DIFFERENT = 1.1  # × and one more: numbers in flight that are not the same limit of each
MOST = 0.5  # of those that sent then, refused together
BLAMED = 5.0  # incidents that speak for a shared limit, in surplus
AGAINST = 0.5
LATEST = 256  # sends of all that are remembered
BEFORE = 3  # sends that are compared with the one after them
CLOSE, CLOSE_SHARED = 1 / (BEFORE + 1), 0.85  # how often the closest is refused: by chance, shared
CLOSE_ODDS = log(3_000)
MINE = 0.9  # share of a limit's refusals that fall on an endpoint with one of its own
CERTAIN = log(100)  # odds that it has
DOUBTED = 3.0  # log odds, at most, that it has none
LESS, TRIED_S = 0.5, 20.0


class SharedLimit:
    """One provider, key or deployment above several endpoints, and what it grants them.

    A declared one hears of each send by `sent` and of its end by `ended`. Of a learned one each
    `Member` tells of its sends and how they ended.
    """

    def __init__(self, name: str, limits: Limits | None = None, start: Start | None = None) -> None:
        # What the limit is of, as shown: `key p/env:K`. Never changes.
        self.name = name
        # Names of the models that meet here, each once, in the endpoints' order. Set by
        # `limits_above` before the first send; never changes afterwards.
        self.models: list[str] = []
        # What was declared, or None. Never changes.
        self.declared = None if limits is None else Ceiling(limits)
        # Where declared, sends that have not ended: each counts from `sent` to `ended`.
        self.in_flight = 0
        # What was found, while the limit is to blame for refusals; None otherwise, and always
        # where one was declared. There from the start where an earlier run has left it; set by
        # `blame`, cleared by `_acquit`.
        self.learned = None if start is None else Adaptive(Limits(), start)
        # The controllers of all endpoints below; none where declared. Each joins as it is made.
        self.members: list[Member] = []
        # Incidents that spoke for it, less those against, never negative; 0 after an acquittal.
        self._score = 0.0
        # The score at which it is to blame: BLAMED, doubled by each acquittal.
        self._needs = BLAMED
        # Refusals of the incident under way, in the order in which they were heard of.
        self._incident = deque[tuple[Member, Sent]]()
        # When the first of these was sent; -inf before the first incident.
        self._began = -inf
        # Whether the incident under way has been counted in `_score`: once at most.
        self._spoke = False
        # The latest sends of all members, by whom, in the order of sending; each once.
        self._latest = deque[tuple[Member, Sent]](maxlen=LATEST)
        # When the first refusal was heard since the start or an acquittal, and units accepted until
        # then; None before.
        self._first: tuple[float, float] | None = None
        # When it was blamed, and the least units a second that it must let through from then on;
        # None before, and once that was looked at.
        self._trial: tuple[float, float] | None = None
        # Log odds that refused ones follow another's too closely, never negative; 0 when acquitted.
        self._odds = 0.0

    @property
    def in_force(self) -> bool:
        """Whether it grants, or is only suspected."""
        return self.declared is not None or self.learned is not None

    def ready_at(self, now: float) -> float:
        """The earliest instant for a send by what was declared; inf when one must end first.

        A learned limit speaks through each `Member`.
        """
        return self.declared.ready_at(now, self.in_flight) if self.declared else -inf

    def sent(self, sent: Sent, now: float) -> None:
        """A send goes."""
        if self.declared:
            self.in_flight += 1
            self.declared.sent(sent, now)

    def ended(self, now: float, missed_tokens: float) -> None:
        """A send has ended; it cost so many more tokens than was estimated."""
        if self.declared:
            self.in_flight -= 1
            self.declared.correct(now, missed_tokens)

    def has_room(self, beside: int) -> bool:
        """Whether one more may be in flight if `beside` others were sent now."""
        return self.declared is None or beside + self.in_flight < self.declared.workers

    def coincides(self, member: Member, sent: Sent) -> bool:
        """Note a refusal nobody answers for yet; true when the limit is to blame from now on."""
        self._first = self._first or (sent.at, self._accepted)
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

    def member_sent(self, member: Member, sent: Sent) -> None:
        """A member sends."""
        self._latest.append((member, sent))

    def follows(self, member: Member, refused: Sent) -> bool:
        """A member was refused, close after another or not; true when the limit is to blame."""
        *before, gap_s = self._gaps_s(member, refused) or [inf]
        if len(before) == BEFORE:
            close = gap_s < min(before)
            odds = CLOSE_SHARED / CLOSE if close else (1 - CLOSE_SHARED) / (1 - CLOSE)
            self._odds = max(0.0, self._odds + log(odds))
        return self._odds >= CLOSE_ODDS * self._needs / BLAMED

    def _gaps_s(self, member: Member, refused: Sent) -> list[float]:
        """How long another's send had gone before the refused one, at the end, and those before it.

        What was refused took nothing from a bucket, and is left out. Each of those before is
        compared with once: nothing is known of more that are refused with the first, nor of one
        that is among the latest no more.
        """
        gaps_s, other_at, is_first = deque[float](maxlen=BEFORE), -inf, True
        for sender, sent in self._latest:
            if sent is refused:
                return [*gaps_s, refused.at - other_at] if is_first else []
            if sent.fate is Fate.REFUSED:
                is_first = is_first and sender is not member
            elif sender is member:
                gaps_s.append(sent.at - other_at)
                is_first = True
            else:
                other_at = sent.at
        return []

    def blame(self, now: float) -> None:
        """From now on the limit has a controller, which knows of all that is in flight."""
        since, before = self._first or (now, 0.0)
        self._trial = now, LESS * (self._accepted - before) / max(TRIED_S, now - since)
        self.learned = Adaptive(Limits())
        for member in self.members:
            member.blamed_above(self.learned, now)

    def refused(self, member: Member, now: float) -> None:
        """Weigh a refusal that the limit answers for: has the endpoint one of its own?"""
        if self._is_refuted(now):
            self._acquit()
            return
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

    @property
    def _accepted(self) -> float:
        """Units that all members' sends took so far."""
        return sum(member.control.rate.flow.accepted for member in self.members)

    def _is_refuted(self, now: float) -> bool:
        """Whether it lets through far less than what passed before it was blamed."""
        if self._trial is None or self.learned is None or now - self._trial[0] < TRIED_S:
            return False
        (began, least), self._trial = self._trial, None
        return self.learned.rate.flow.accepted < least * (now - began)

    def _acquit(self) -> None:
        self.learned = self._first = self._trial = None
        self._score = self._odds = 0.0
        self._needs *= 2
        for member in self.members:
            member.own = False


class Member:
    """An endpoint's controller under a limit that it may share: grants what both grant."""

    def __init__(self, own: Adaptive, limit: SharedLimit) -> None:
        # The endpoint's own controller: hears of every send. Never changes.
        self.control = own
        # What it may share with others; `self` is among its members. Never changes.
        self.limit = limit
        # Whether it answers for its refusals itself, whatever the limit. Set by the limit alone.
        self.own = False
        # Sends since the limit was last blamed (before that: since the start).
        self.sends = 0
        # When the last send went; -inf before the first.
        self.sent_at = -inf
        # Log odds that the endpoint has a limit of its own, at least -DOUBTED. Set by the limit.
        self.suspicion = 0.0
        # For each send that has not ended, what stands for it at the learned limit. It is the
        # present one's, or None where that has been none since the send went.
        self._above: dict[Sent, Sent | None] = {}
        limit.members.append(self)

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
        above = self.limit.learned
        return ready if above is None else max(ready, above.ready_at(now))

    def sent(self, now: float, tokens: float) -> Sent:
        """See `Controller`."""
        sent = self.control.sent(now, tokens)
        above = self.limit.learned
        self._above[sent] = above.sent(now, tokens) if above else None
        self.limit.member_sent(self, sent)
        self.sends += 1
        self.sent_at = now
        return sent

    def answered(self, sent: Sent, now: float, tokens: float, output_tokens: float = 0.0) -> None:
        """See `Controller`."""
        self.control.answered(sent, now, tokens, output_tokens)
        if (above := self._ended(sent)) and self.limit.learned:
            self.limit.learned.answered(above, now, tokens, output_tokens)

    def refused(self, sent: Sent, now: float, told_s: float | None) -> None:
        """See `Controller`."""
        limit = self.limit
        above = self._ended(sent)
        if limit.learned is None:
            self.control.refused(sent, now, told_s)
            if self.control.chance.share:  # it would have been refused whatever the key takes
                return
            if limit.coincides(self, sent) or limit.follows(self, sent):
                limit.blame(now)
            return
        if above is None or self.own:
            self.control.refused(sent, now, told_s)
            if above:
                limit.learned.abandoned(above, now)
            return
        self.control.abandoned(sent, now)
        limit.learned.refused(above, now, told_s)
        limit.refused(self, now)

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
        own, limit = self.control.view(), self.limit
        if limit.learned is None:
            return own
        above = limit.learned.view()
        state = own.state if own.state != "open" or above.state == "open" else above.state
        decision = f"{limit.name}: {above.decision}"
        return View(own.window, own.pace_rps, state, decision, above.rule)

    def blamed_above(self, above: Adaptive, now: float) -> None:
        """The limit is to blame for what was refused: believe in none of one's own."""
        if not self.own:
            self.control.forget(now)
        self.sends, self.suspicion = 0, 0.0
        for sent in self._above:
            self._above[sent] = above.sent(now, sent.tokens)

    def _ended(self, sent: Sent) -> Sent | None:
        return self._above.pop(sent)

    def _abandon_above(self, sent: Sent, now: float) -> None:
        if (above := self._ended(sent)) and self.limit.learned:
            self.limit.learned.abandoned(above, now)


def limits_above(endpoints: Sequence[Endpoint], *, learn: bool) -> list[tuple[SharedLimit, ...]]:
    """Of each endpoint, in order: the limits that it shares, declared ones first.

    With `learn`, a key of several endpoints for which none was declared is suspected of one.
    """
    uses = Counter(_key_of(endpoint) for endpoint in endpoints)
    starts = {_key_of(x): x.start.above for x in endpoints if x.start.above}
    known: dict[str, SharedLimit] = {}
    found = []
    for endpoint in endpoints:
        mine = [known.setdefault(x.name, SharedLimit(x.name, x.limits)) for x in endpoint.groups]
        key = _key_of(endpoint)
        if learn and uses[key] > 1:
            suspect = known.setdefault(key, SharedLimit(key, start=starts.get(key)))
            mine += [suspect] * (suspect.declared is None)
        for limit in mine:
            if endpoint.model not in limit.models:
                limit.models.append(endpoint.model)
        found.append(tuple(mine))
    return found


def _key_of(endpoint: Endpoint) -> str:
    return f"key {endpoint.provider}/{endpoint.key}"


def _differ(a: Sent, b: Sent) -> bool:
    """Refused together, at numbers that are not one and the same limit of each."""
    more, less = max(a.number, b.number), min(a.number, b.number)
    return abs(a.at - b.at) <= TOGETHER_S and more > DIFFERENT * less + 1
